"""What people and the clock do to a campaign: each a move of `CAMPAIGN_MOVES`, under the lock of
its row.

The admin and the API both come here. Who may do it is asked before.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from notifier.campaigns import parking
from notifier.dispatch.lanes import Wake, wake_job
from notifier.models import CAMPAIGN_MOVES, Campaign, CampaignState
from notifier.models.campaigns import EDITABLE

NOT_NOW = gettext_noop("The campaign is “%(state)s”: that cannot be done now.")
OWN = gettext_noop("You wrote this campaign or handed it in. Somebody else must approve it.")
NOBODY = gettext_noop("Nobody of the audience can get it.")
CHANGED = gettext_noop(
    "It was changed and checked again after you opened that page, so nothing was done. Look at it "
    "as it is now, then decide."
)
PAST = gettext_noop(
    "The time at which it was to begin has passed. Choose another one, or none, and have it "
    "checked again; what waits for approval is sent back first."
)
STALE = gettext_noop(
    "It was checked more than a day ago. Have it checked again; what waits for approval is sent "
    "back first."
)
CHECK_HOLDS = timedelta(days=1)
"""People unfollow, quotas are used up: older figures are not what one decides on."""


NOTHING_YET: dict[str, dict[str, int]] = {"from": {}, "next": {}}
NO_PARAMS: Mapping[str, object] = {}


class NotAllowed(Exception):
    """`text` is an English msgid that says why, with `params`."""

    def __init__(self, text: str, **params: Any) -> None:
        super().__init__(text)
        self.text, self.params = text, params


def note_editor(pk: int, by: str) -> None:
    """It was changed: what was found about its audience holds no more. Raises NotAllowed."""
    with _locked(pk) as campaign:
        _ask_whether_editable(campaign)
        _void(campaign, by)


def change(pk: int, by: str, values_of: Callable[[Campaign], Mapping[str, Any]]) -> None:
    """As `note_editor`, and stores what differs; the same again changes nothing, and what was found
    still holds. `values_of`: what the columns are to hold, asked under the lock.

    Raises NotAllowed.
    """
    with _locked(pk) as campaign:
        _ask_whether_editable(campaign)
        values = values_of(campaign)
        differing = [name for name, value in values.items() if getattr(campaign, name) != value]
        if differing:
            for name in differing:
                setattr(campaign, name, values[name])
            campaign.save(update_fields=differing)
            _void(campaign, by)


def check(pk: int, by: str) -> None:
    """The pre-flight begins."""
    with _moved(pk, CampaignState.CHECKING) as campaign:
        campaign.reason, campaign.percent, campaign.attempts = [], 0, 0
        campaign.lease_until = None
        _add_editor(campaign, by)
    wake_check(pk)


def launch(pk: int, by: str, checked_at: datetime | None = None) -> CampaignState:
    """It goes at its time; a large one is handed in for approval first.

    `checked_at`: of the check whose result `by` has seen; None: they see the row as it is.
    """
    with _locked(pk) as campaign:
        to = CampaignState.SUBMITTED if needs_approval(campaign) else CampaignState.SCHEDULED
        _move(campaign, to, only_from=CampaignState.CHECKED)
        if not campaign.ready:
            raise NotAllowed(NOBODY)
        _ask_whether_it_holds(campaign, checked_at)
        _add_editor(campaign, by)
    return to


def needs_approval(campaign: Campaign) -> bool:
    return campaign.ready >= campaign.account.campaign_approval_from


def approve(pk: int, by: str, checked_at: datetime | None = None) -> None:
    """`checked_at` as in `launch`: nobody approves what they have not seen."""
    with _locked(pk) as campaign:
        _move(campaign, CampaignState.SCHEDULED, only_from=CampaignState.SUBMITTED)
        if by in campaign.editors:
            raise NotAllowed(OWN)
        _ask_whether_it_holds(campaign, checked_at)
        campaign.approved_by, campaign.approved_at = by, timezone.now()


def _ask_whether_it_holds(campaign: Campaign, seen: datetime | None) -> None:
    now = timezone.now()
    if seen is not None and seen != campaign.checked_at:
        raise NotAllowed(CHANGED)
    if campaign.send_at and campaign.send_at < now:
        raise NotAllowed(PAST)
    if campaign.checked_at is None or campaign.checked_at < now - CHECK_HOLDS:
        raise NotAllowed(STALE)


def withdraw(pk: int, by: str) -> None:
    """Back to its writers, from the approver or before its time; it is checked again then."""
    with _locked(pk) as campaign:
        if campaign.state not in (CampaignState.SUBMITTED, CampaignState.SCHEDULED):
            raise _not_now(campaign)
        _move(campaign, CampaignState.DRAFT)
        campaign.approved_by, campaign.approved_at = "", None
        campaign.reason = [gettext_noop("Sent back by %(who)s."), {"who": by}]


def begin(pk: int, now: datetime) -> None:
    """By the clock, when its time has come."""
    with _locked(pk) as campaign:
        trial = campaign.canary_size
        to = CampaignState.CANARY if trial else CampaignState.RUNNING
        _move(campaign, to, only_from=CampaignState.SCHEDULED)
        campaign.started_at, campaign.judged = now, NOTHING_YET
        campaign.canary_over = not trial


def end_canary(pk: int) -> None:
    with _locked(pk) as campaign:
        _move(campaign, CampaignState.RUNNING, only_from=CampaignState.CANARY)
        campaign.canary_over = True


def pause(
    pk: int, text: str, params: Mapping[str, object] = NO_PARAMS, ends_trial: bool = False
) -> None:
    """Nothing more goes to WeChat but what a worker holds already: a second's messages at most.

    `text`: why, an English msgid with `params`. `ends_trial`: that is the trial's result; whoever
    lets it go on has seen it.
    """
    with _moved(pk, CampaignState.PAUSED) as campaign:
        campaign.reason = [text, dict(params)]
        campaign.canary_over |= ends_trial
        parking.park(pk)


def pause_by(pk: int, by: str) -> None:
    pause(pk, gettext_noop("Paused by %(who)s."), {"who": by})


def resume(pk: int) -> None:
    """What it sent before is not judged again."""
    with _locked(pk) as campaign:
        to = CampaignState.RUNNING if campaign.canary_over else CampaignState.CANARY
        _move(campaign, to, only_from=CampaignState.PAUSED)
        campaign.reason, campaign.judged = [], {}
        now = timezone.now()
        freed = parking.unpark(pk, now)
        if campaign.pace:
            campaign.next_due_at = now + timedelta(seconds=freed / campaign.pace)


def cancel(pk: int, by: str) -> None:
    """What is not at WeChat yet will never go there; the clock ends the messages that wait."""
    with _moved(pk, CampaignState.CANCELLED) as campaign:
        campaign.reason = [gettext_noop("Cancelled by %(who)s."), {"who": by}]
        campaign.finished_at = timezone.now()
        parking.park(pk)


def park_again(pk: int) -> None:
    """Under the lock: it may be let go on at this moment."""
    with transaction.atomic():
        rows = Campaign.objects.select_for_update().filter(pk=pk, state=CampaignState.PAUSED)
        if rows.first():
            parking.park(pk)


def finish(pk: int, now: datetime) -> None:
    with _moved(pk, CampaignState.DONE) as campaign:
        campaign.finished_at = now


def wake_check(pk: int) -> None:
    """After the commit. Raises nothing: the clock wakes, too."""
    job = Wake(check_flag(pk), "background", "notifier.campaigns.job.check_audience", (pk,))
    transaction.on_commit(lambda: wake_job(job))


def check_flag(pk: int) -> str:
    return f"hongyan:wake:campaign-check:{pk}"


@contextmanager
def _locked(pk: int) -> Iterator[Campaign]:
    """Saved at the end. The lock is also the feeder's: no message is made meanwhile."""
    with transaction.atomic():
        rows = Campaign.objects.select_for_update(of=("self",)).select_related("account")
        campaign = rows.defer("account__app_secret").get(pk=pk)
        yield campaign
        campaign.save(update_fields=MOVED)


MOVED = (
    "state",
    "reason",
    "percent",
    "attempts",
    "lease_until",
    "editors",
    "approved_by",
    "approved_at",
    "started_at",
    "finished_at",
    "judged",
    "next_due_at",
    "canary_over",
)


@contextmanager
def _moved(pk: int, to: CampaignState) -> Iterator[Campaign]:
    with _locked(pk) as campaign:
        _move(campaign, to)
        yield campaign


def _move(campaign: Campaign, to: CampaignState, only_from: str = "") -> None:
    state = CampaignState(campaign.state)
    if to not in CAMPAIGN_MOVES[state] or (only_from and state != only_from):
        raise _not_now(campaign)
    campaign.state = to


def _not_now(campaign: Campaign) -> NotAllowed:
    return NotAllowed(NOT_NOW, state=campaign.get_state_display())


def _void(campaign: Campaign, by: str) -> None:
    """What was found about its audience holds no more."""
    campaign.state, campaign.reason = CampaignState.DRAFT, []
    _add_editor(campaign, by)


def _ask_whether_editable(campaign: Campaign) -> None:
    if campaign.state not in EDITABLE:
        raise _not_now(campaign)


def _add_editor(campaign: Campaign, by: str) -> None:
    if by not in campaign.editors:
        campaign.editors = [*campaign.editors, by]
