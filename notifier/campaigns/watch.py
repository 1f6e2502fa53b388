"""The clock's part, every second: begins what is due, feeds, judges, counts, finishes."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone

from notifier.campaigns import feed, parking, states
from notifier.campaigns.judgement import Fared, fared, reason_after_trial, reason_to_stop
from notifier.campaigns.states import NotAllowed
from notifier.models import Campaign, CampaignRow, CampaignState, Message, State
from notifier.models.campaigns import FEEDING
from notifier.models.ids import first_id_at

LOOKED_AT = 1000
UNDER_WAY = (State.QUEUED, State.SENDING)
COUNTED_FOR = timedelta(days=3)
"""Receipts, repairs and retries may still come after its end."""
RECEIPTS_COME = timedelta(minutes=10)
SHARE = 20
"""Counting takes at most one part in so many of the clock's time."""
_not_before: dict[int, float] = {}


def watch_all() -> None:
    now = timezone.now()
    for state, work in WORK:
        for campaign in Campaign.objects.filter(state=state).order_by("pk"):
            with suppress(NotAllowed):  # somebody was faster
                work(campaign, now)
    for campaign in Campaign.objects.filter(finished_at__gt=now - COUNTED_FOR):
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
    found = _newest_ended(campaign)
    limits = {
        "failed": campaign.most_failed,
        "refused": campaign.most_refused,
        "blocked": campaign.most_blocked,
    }
    if reason := reason_to_stop(found, limits):
        states.pause(campaign.pk, reason[0], **reason[1])
    elif campaign.state == CampaignState.CANARY and campaign.canary_fed_at:
        _end_trial(campaign, campaign.canary_fed_at, now)
    elif _is_over(campaign):
        states.finish(campaign.pk, now)
        _not_before.pop(campaign.pk, None)
    else:
        feed.wake(campaign.pk, campaign.priority)
    _count(campaign, now)


WORK: tuple[tuple[CampaignState, Callable[[Campaign, datetime], None]], ...] = (
    (CampaignState.CHECKING, _check),
    (CampaignState.SCHEDULED, _begin),
    (CampaignState.PAUSED, _paused),
    (CampaignState.CANARY, _at_work),
    (CampaignState.RUNNING, _at_work),
)


def _newest_ended(campaign: Campaign) -> Fared:
    """They say how it fares now, not how it began."""
    since = first_id_at(campaign.watched_since or campaign.created_at)
    ended = _messages(campaign).filter(pk__gte=since).exclude(state__in=UNDER_WAY)
    rows = ended.order_by("-pk").values_list("state", "errcode", "receipt_status")
    return fared(rows[:LOOKED_AT])


def _end_trial(campaign: Campaign, fed_at: datetime, now: datetime) -> None:
    """When every receipt has come, or their time is over; while messages wait, it waits."""
    counts = _counts(campaign)
    if any(counts.get(state) for state in UNDER_WAY):
        return
    if not counts.get(State.SENT):
        states.end_canary(campaign.pk)
    elif now > fed_at + timedelta(minutes=campaign.canary_minutes):
        if reason := reason_after_trial(counts, campaign.canary_minutes):
            states.pause(campaign.pk, reason[0], **reason[1])
        else:
            states.end_canary(campaign.pk)


def _is_over(campaign: Campaign) -> bool:
    rows = CampaignRow.objects.filter(campaign=campaign.pk, pk__gt=campaign.fed_until, problem="")
    if rows.order_by("pk").exists():
        return False
    return not _messages(campaign).filter(state__in=UNDER_WAY).exists()


def _count(campaign: Campaign, now: datetime) -> None:
    """The figures on its page, and how fast it goes."""
    began = time.monotonic()
    if began < _not_before.get(campaign.pk, 0):
        return
    counts = _counts(campaign)
    cost = time.monotonic() - began
    is_quiet = campaign.finished_at and campaign.finished_at < now - RECEIPTS_COME
    _not_before[campaign.pk] = began + max(SHARE * cost, 60 if is_quiet else 1)
    speed = _speed(campaign, counts, now)
    Campaign.objects.filter(pk=campaign.pk).update(figures=counts, figures_at=now, per_second=speed)


def _speed(campaign: Campaign, counts: dict[str, int], now: datetime) -> float:
    """Messages a second that WeChat has answered, half of it from before."""
    if campaign.state not in FEEDING or campaign.figures_at is None:
        return 0.0 if campaign.state == CampaignState.PAUSED else campaign.per_second
    seconds = max((now - campaign.figures_at).total_seconds(), 0.1)
    answered = _answered(counts) - _answered(campaign.figures)
    return (campaign.per_second + max(answered, 0) / seconds) / 2


def _answered(counts: Mapping[str, int]) -> int:
    return sum(count for state, count in counts.items() if state not in UNDER_WAY)


def _counts(campaign: Campaign) -> dict[str, int]:
    rows = _messages(campaign).order_by().values_list("state").annotate(Count("pk"))
    return dict(rows)


def _messages(campaign: Campaign) -> QuerySet[Message]:
    return Message.objects.filter(campaign=campaign.pk)
