"""What is known to be sent before the quota's reset: due messages, running campaigns and what has a
time. What services will still accept is not known."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q

from notifier.dispatch.clock import oldest_due
from notifier.dispatch.lanes import Lane
from notifier.models import Campaign, CampaignState, Message, State
from notifier.models.campaigns import FEEDING

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
MOST = 500_000
"""Waiting messages of a lane are counted so far; PostgreSQL takes 0.35 s for it."""


@dataclass(frozen=True, slots=True)
class Load:
    """`count` messages, of which the first goes at `since`. `pace`: so many an hour; None: nothing
    holds them back. `is_daily`: services may do so each day, so that the usual day has them."""

    since: datetime
    count: float
    pace: float | None = None
    is_daily: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """By a campaign: `count` messages, taken as even."""

    begins: datetime
    ends: datetime
    count: int

    def within(self, begins: datetime, ends: datetime) -> float:
        both = min(self.ends, ends) - max(self.begins, begins)
        return self.count * max(both / max(self.ends - self.begins, SECOND), 0)


def known(pks: Collection[int], now: datetime, until: datetime) -> defaultdict[int, list[Load]]:
    """By account. A look into the index for each lane, and its waiting messages counted there."""
    found = defaultdict[int, list[Load]](list)
    for lane in oldest_due(until):
        if lane.account_id in pks:
            found[lane.account_id] += _waiting(lane, now, until)
    for pk, load in (*_running(pks, now), *_scheduled(pks, now, until)):
        found[pk].append(load)
    return found


def _waiting(lane: Lane, now: datetime, until: datetime) -> Iterator[Load]:
    """What has its time comes evenly in that hour."""
    first = hour_of(now)
    hours = [first + n * HOUR for n in range(25) if first + n * HOUR < until]
    rows = Message.objects.filter(
        account=lane.account_id, priority=lane.priority, state=State.QUEUED, due_at__lt=until
    ).order_by("due_at", "id")[:MOST]
    counts = rows.aggregate(
        due=Count("pk", filter=Q(due_at__lte=now)),
        **{
            f"h{n}": Count("pk", filter=Q(due_at__gt=now, due_at__gte=at, due_at__lt=at + HOUR))
            for n, at in enumerate(hours)
        },
    )
    yield Load(now, counts["due"])
    for n, at in enumerate(hours):
        since, count = max(at, now), counts[f"h{n}"]
        yield Load(since, count, count * (HOUR / (at + HOUR - since)), is_daily=True)


def _running(pks: Collection[int], now: datetime) -> Iterator[tuple[int, Load]]:
    """What has become a message is counted there."""
    rows = Campaign.objects.filter(account__in=pks, state__in=FEEDING).order_by()
    left = F("ready") - F("fed") - F("refused")
    for pk, count, pace in rows.annotate(left=left).values_list("account", "left", "pace"):
        yield pk, Load(now, count, _an_hour(pace))


def _scheduled(pks: Collection[int], now: datetime, until: datetime) -> Iterator[tuple[int, Load]]:
    rows = Campaign.objects.filter(account__in=pks, state=CampaignState.SCHEDULED).order_by()
    for pk, at, count, pace in rows.values_list("account", "send_at", "ready", "pace"):
        since = max(at or now, now)
        if since < until:
            yield pk, Load(since, count, _an_hour(pace))


def sent_by_campaigns(
    pks: Collection[int], since: datetime, now: datetime
) -> defaultdict[int, list[Sent]]:
    """By account."""
    over = Q(finished_at=None) | Q(finished_at__gt=since)
    rows = Campaign.objects.filter(over, account__in=pks, started_at__lt=now).order_by()
    found = defaultdict[int, list[Sent]](list)
    names = ("account", "started_at", "finished_at", "fed")
    for account, begins, ends, fed in rows.values_list(*names):
        if begins:
            found[account].append(Sent(begins, ends or now, fed))
    return found


def _an_hour(pace: int | None) -> float | None:
    return pace * HOUR.total_seconds() if pace else None


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
