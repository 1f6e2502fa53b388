"""The recurring work of dispatch, every second: returns lost rows and wakes what is due."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from notifier.dispatch import sweep
from notifier.dispatch.lanes import Lane, redis, wake
from notifier.dispatch.recovery import return_expired_leases
from notifier.models import Message, Priority, State
from templates_app.models import OfficialAccount

BEAT = "hongyan:clock"
BEAT_SECONDS = 24 * 3600
MOST_ROWS = 10_000
"""Waiting messages of a lane are counted so far: more is no other news, and takes longer."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Due messages of a lane."""

    since: datetime
    """When the first of them was due."""
    count: int
    is_many: bool
    """No more are counted: so many or more."""


def tick(now: datetime) -> None:
    for work in WORKS:
        work(now)


def wake_due(now: datetime) -> None:
    for lane in return_expired_leases(now) | oldest_due(now).keys():
        wake(lane)


WORKS = (sweep.tick, sweep.repeat_doubtful, sweep.leave_outages, wake_due)


def beat(now: datetime) -> None:
    """All was done. Raises RedisError."""
    redis().set(BEAT, now.timestamp(), ex=BEAT_SECONDS)


def last_beat() -> datetime | None:
    """When a clock last did its work; None: not within a day. Raises RedisError."""
    beat: Any = redis().get(BEAT)
    return datetime.fromtimestamp(float(beat), UTC) if beat else None


def oldest_due(now: datetime) -> dict[Lane, datetime]:
    """The lanes with due rows, and since when the first of them is due. One statement of index
    look-ups; its cost does not grow with the rows that wait.

    The first in the order of the index, not any: for any, PostgreSQL begins to read the table at
    its start, where a campaign's sent rows are.
    """
    due = Message.objects.filter(account=OuterRef("pk"), state=State.QUEUED, due_at__lte=now)
    first = due.order_by("due_at", "id").values("due_at")
    accounts = OfficialAccount.objects.filter(is_active=True).annotate(
        **{priority.word: Subquery(first.filter(priority=priority)[:1]) for priority in Priority}
    )
    return {
        Lane(row["pk"], priority): row[priority.word]
        for row in accounts.order_by().values("pk", *(priority.word for priority in Priority))
        for priority in Priority
        if row[priority.word]
    }


def waiting(now: datetime, most: int = MOST_ROWS) -> dict[Lane, Waiting]:
    """The lanes of active accounts with due messages; no more than `most` of each are counted."""
    depths = {lane: (since, _depth(lane, now, most)) for lane, since in oldest_due(now).items()}
    return {lane: Waiting(since, count, count >= most) for lane, (since, count) in depths.items()}


def _depth(lane: Lane, now: datetime, most: int) -> int:
    rows = Message.objects.filter(
        account=lane.account_id, priority=lane.priority, state=State.QUEUED, due_at__lte=now
    )
    return rows.order_by("due_at", "id").values("pk")[:most].count()
