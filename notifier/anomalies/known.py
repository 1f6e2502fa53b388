"""What is known to be sent before the quota's reset: due messages, running campaigns and what has a
time. What services will still accept is not known."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum

from notifier.dispatch.clock import oldest_due
from notifier.dispatch.lanes import Lane
from notifier.models import Campaign, CampaignState, Message, State
from notifier.models.campaigns import FEEDING

HOUR = timedelta(hours=1)
MOST = 100_000
"""Waiting messages of a lane are counted so far."""


@dataclass(slots=True)
class Known:
    now: float = 0
    """Messages that go as fast as they can."""
    later: Counter[datetime] = field(default_factory=Counter)
    """hour -> messages that have their time in it."""


def known(pks: Collection[int], now: datetime, until: datetime) -> defaultdict[int, Known]:
    """By account. A look into the index for each lane, and its waiting messages counted there."""
    found = defaultdict[int, Known](Known)
    for lane in oldest_due(until):
        if lane.account_id in pks:
            due, later = _waiting(lane, now, until)
            found[lane.account_id].now += due
            found[lane.account_id].later.update(later)
    _add_campaigns(found, pks, now, until)
    return found


def _waiting(lane: Lane, now: datetime, until: datetime) -> tuple[int, dict[datetime, int]]:
    """(due, hour -> scheduled)"""
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
    return counts["due"], {at: counts[f"h{n}"] for n, at in enumerate(hours) if counts[f"h{n}"]}


def _add_campaigns(
    found: defaultdict[int, Known], pks: Collection[int], now: datetime, until: datetime
) -> None:
    """What has become a message is counted there."""
    rows = Campaign.objects.filter(account__in=pks).order_by()
    left = rows.filter(state__in=FEEDING).values_list("account")
    for pk, ready, fed, refused in left.annotate(Sum("ready"), Sum("fed"), Sum("refused")):
        found[pk].now += max(ready - fed - refused, 0)
    scheduled = rows.filter(state=CampaignState.SCHEDULED)
    for pk, at, ready in scheduled.values_list("account", "send_at", "ready"):
        if at is None or at <= now:
            found[pk].now += ready
        elif at < until:
            found[pk].later[hour_of(at)] += ready


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
