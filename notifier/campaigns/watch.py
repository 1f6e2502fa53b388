"""The clock's part, every second: stops, begins what is due, feeds, counts, judges, finishes."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import close_old_connections
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from notifier.campaigns import feed, parking, states
from notifier.campaigns.judgement import (
    Counted,
    Reason,
    fared,
    reason_after_trial,
    reason_to_stop,
    stretch,
)
from notifier.campaigns.preflight import batch_of
from notifier.campaigns.states import NotAllowed
from notifier.intake.errors import Rejected
from notifier.models import Campaign, CampaignRow, CampaignState, Message, State
from notifier.models.away import AWAY
from notifier.models.campaigns import ENDED, FEEDING

log = logging.getLogger(__name__)

UNDER_WAY = (State.QUEUED, State.SENDING)
COUNTED_FOR = timedelta(days=3)
"""Receipts, repairs and retries may still come after its end."""
RECEIPTS_COME = timedelta(minutes=10)
SHARE = 20
"""Counting takes at most one part in so many of the clock's time."""
_not_before: dict[int, float] = {}


def watch_all() -> None:
    close_old_connections()
    now = timezone.now()
    recent = Campaign.objects.filter(state__in=ENDED, finished_at__gt=now - COUNTED_FOR)
    alive = Campaign.objects.exclude(state__in=ENDED)
    # What is to stop comes first; nothing of it takes long.
    by_turn = sorted([*recent, *alive], key=lambda one: (TURNS.index(one.state), one.pk))
    for campaign in by_turn:
        try:
            with suppress(NotAllowed):  # somebody was faster
                WORK.get(campaign.state, _nothing)(campaign, now)
        except AWAY:
            raise
        except Exception as error:  # of one campaign: the others go on
            log.exception("campaign %d cannot be watched", campaign.pk, exc_info=error)


def _nothing(campaign: Campaign, now: datetime) -> None:
    """Somebody else's turn."""


def _ended(campaign: Campaign, now: datetime) -> None:
    if campaign.state == CampaignState.CANCELLED:
        parking.clear(campaign.pk, campaign.reason[1]["who"])
    _count(campaign, now)


def _check(campaign: Campaign, now: datetime) -> None:
    if campaign.lease_until is None or campaign.lease_until < now:
        states.wake_check(campaign.pk)


def _begin(campaign: Campaign, now: datetime) -> None:
    if campaign.send_at is None or campaign.send_at <= now:
        states.begin(campaign.pk, now)


def _paused(campaign: Campaign, now: datetime) -> None:
    """Rows that a worker has handed back since."""
    states.park_again(campaign.pk)
    _count(campaign, now)


def _at_work(campaign: Campaign, now: datetime) -> None:
    try:
        batch_of(campaign)
    except Rejected as rejected:  # the template is held, say, or the account switched off
        fault = rejected.faults[0]
        states.pause(campaign.pk, fault.message, fault.params)
        return
    feed.wake(campaign.pk, campaign.priority)
    counted = _count(campaign, now)
    if counted is None:
        return
    if reason := _reason_to_stop(campaign, counted):
        is_whole_trial = campaign.state == CampaignState.CANARY and bool(campaign.canary_fed_at)
        states.pause(campaign.pk, *reason, ends_trial=is_whole_trial)
    elif campaign.state == CampaignState.CANARY and campaign.canary_fed_at:
        _end_trial(campaign, _by_state(counted), now)
    elif _is_over(campaign, _by_state(counted)):
        states.finish(campaign.pk, now)
        _not_before.pop(campaign.pk, None)


WORK: dict[str, Callable[[Campaign, datetime], None]] = {
    CampaignState.CANCELLED: _ended,
    CampaignState.PAUSED: _paused,
    CampaignState.SCHEDULED: _begin,
    CampaignState.CANARY: _at_work,
    CampaignState.RUNNING: _at_work,
    CampaignState.CHECKING: _check,
    CampaignState.DONE: _ended,
}
TURNS = [*WORK, CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.SUBMITTED]


def _reason_to_stop(campaign: Campaign, counted: Iterable[Counted]) -> Reason | None:
    found, judged = stretch(campaign.judged, fared(counted))
    if judged != campaign.judged:
        Campaign.objects.filter(pk=campaign.pk, state=campaign.state).update(judged=judged)
    limits = {
        "failed": campaign.most_failed,
        "refused": campaign.most_refused,
        "blocked": campaign.most_blocked,
    }
    return reason_to_stop(found, limits)


def _end_trial(campaign: Campaign, counts: Mapping[str, int], now: datetime) -> None:
    """When every receipt has come, or their time is over; while messages wait, it waits."""
    if any(counts.get(state) for state in UNDER_WAY):
        return
    if not counts.get(State.SENT):
        states.end_canary(campaign.pk)
        return
    last = _messages(campaign).aggregate(last=Max("sent_at"))["last"]
    if now > last + timedelta(minutes=campaign.canary_minutes):
        if reason := reason_after_trial(counts, campaign.canary_minutes):
            states.pause(campaign.pk, *reason, ends_trial=True)
        else:
            states.end_canary(campaign.pk)


def _is_over(campaign: Campaign, counts: Mapping[str, int]) -> bool:
    """`campaign` was read before its messages were counted: what was fed since is in its rows."""
    if any(counts.get(state) for state in UNDER_WAY):
        return False
    left = CampaignRow.objects.filter(campaign=campaign.pk, problem="", pk__gt=campaign.fed_until)
    return not left.order_by("pk").values("pk")[:1]


def _count(campaign: Campaign, now: datetime) -> list[Counted] | None:
    """The figures on its page, and how fast it goes; they stay when fewer messages are there than
    were made: the others were old, and swept. None: it was counted a moment ago."""
    began = time.monotonic()
    if began < _not_before.get(campaign.pk, 0):
        return None
    rows = _messages(campaign).order_by().values_list("state", "errcode", "receipt_status")
    counted: list[Counted] = list(rows.annotate(Count("pk")))
    cost = time.monotonic() - began
    is_quiet = campaign.finished_at and campaign.finished_at < now - RECEIPTS_COME
    _not_before[campaign.pk] = began + max(SHARE * cost, 60 if is_quiet else 1)
    counts = _by_state(counted)
    if counts.total() < campaign.fed:
        return counted
    speed = _speed(campaign, counts, now)
    Campaign.objects.filter(pk=campaign.pk).update(figures=counts, figures_at=now, per_second=speed)
    return counted


def _speed(campaign: Campaign, counts: Mapping[str, int], now: datetime) -> float:
    """Messages a second that WeChat has answered, half of it from before. At its end, where only
    the last ones are waited for, and in a pause it stays what it was."""
    is_feeding = campaign.state in FEEDING and campaign.fed + campaign.refused < campaign.ready
    if not is_feeding or campaign.figures_at is None:
        return campaign.per_second
    seconds = max((now - campaign.figures_at).total_seconds(), 0.1)
    answered = _answered(counts) - _answered(campaign.figures)
    return (campaign.per_second + max(answered, 0) / seconds) / 2


def _answered(counts: Mapping[str, int]) -> int:
    return sum(count for state, count in counts.items() if state not in UNDER_WAY)


def _by_state(counted: Iterable[Counted]) -> Counter[str]:
    found: Counter[str] = Counter()
    for state, _errcode, _receipt, count in counted:
        found[state] += count
    return found


def _messages(campaign: Campaign) -> QuerySet[Message]:
    return Message.objects.filter(campaign=campaign.pk)
