"""What became of messages, added up by the minute and by the hour as it happens: the figures of the
dashboard, whatever the size of the log."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models

from notifier.models.messages import Message, State

ACCEPTED, ANSWER = "accepted", "answer"
"""Beside the messages' states: the message itself, and each of WeChat's errcodes but 0."""
SHARDS = 8
"""Workers add to rows of their own: with one row for all they would wait for each other."""
SLOW_SECONDS = 10
MINUTES_KEPT = timedelta(days=2)


class Span(models.TextChoices):
    MINUTE = "m", "minute"
    HOUR = "h", "hour"


class MessageCount(models.Model):
    """`count` messages of a template got the state, with the errcode, from `begins` on for a span.
    `on_time`, `late` and `waited_ms` are of those sent at the first attempt: how long after they
    were due."""

    span = models.CharField(max_length=1, choices=Span.choices)
    begins = models.DateTimeField()
    account_id = models.BigIntegerField()
    template_id = models.BigIntegerField()
    state = models.CharField(max_length=12)
    errcode = models.IntegerField(default=0)
    shard = models.PositiveSmallIntegerField()
    count = models.BigIntegerField()
    on_time = models.BigIntegerField(default=0)
    late = models.BigIntegerField(default=0)
    waited_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["span", "begins", "account_id", "template_id", "state", "errcode", "shard"],
                name="message_count_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.begins:%m-%d %H:%M}: {self.count}"


@dataclass(slots=True)
class Tally:
    count: int = 0
    on_time: int = 0
    late: int = 0
    waited_ms: int = 0

    def add(self, waited: timedelta | None = None) -> None:
        """`waited`: from its time to WeChat's answer, of a message sent at the first attempt."""
        self.count += 1
        if waited is not None:
            self.waited_ms += max(int(waited / timedelta(milliseconds=1)), 0)
            if waited <= timedelta(seconds=SLOW_SECONDS):
                self.on_time += 1
            else:
                self.late += 1


Key = tuple[int, int, str, int]
"""account, template, state, errcode"""


def add_counts(tallies: dict[Key, Tally], now: datetime) -> None:
    """In the transaction of the change that is counted: exact, whatever dies."""
    if not tallies:
        return
    minute = now.replace(second=0, microsecond=0)
    shard = os.getpid() % SHARDS
    rows: list[tuple[Any, ...]] = [
        (str(span), _adapted(begins), *key, shard, one.count, one.on_time, one.late, one.waited_ms)
        for span, begins in ((Span.HOUR, minute.replace(minute=0)), (Span.MINUTE, minute))
        # In one order, as everybody who locks several.
        for key, one in sorted(tallies.items())
    ]
    marks = "(" + ", ".join(["%s"] * 11) + ")"
    sums = ", ".join(f"{name} = {_TABLE}.{name} + excluded.{name}" for name in _SUMS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} (span, begins, account_id, template_id, state, errcode, shard, "  # noqa: S608 - our own names
            f"{', '.join(_SUMS)}) VALUES {', '.join([marks] * len(rows))} "
            "ON CONFLICT (span, begins, account_id, template_id, state, errcode, shard) "
            f"DO UPDATE SET {sums}",
            [value for row in rows for value in row],
        )


def count_moved(ids: Iterable[UUID], state: State, now: datetime) -> None:
    """For the rare ways to a state, whose callers do not know the templates."""
    rows = Message.objects.filter(pk__in=list(ids)).order_by()
    found = Counter(rows.values_list("account_id", "version__template_id"))
    tallies = {
        (account, template, state.value, 0): Tally(count)
        for (account, template), count in found.items()
    }
    add_counts(tallies, now)


_TABLE = MessageCount._meta.db_table
_SUMS = ("count", "on_time", "late", "waited_ms")


def _adapted(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
