"""What became of messages, added up by the minute and by the hour as it happens: the figures of the
dashboard, whatever the size of the log."""

import os
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zlib import crc32

from django.db import connection, models

from notifier.models.messages import Message, State

ACCEPTED, ANSWER = "accepted", "answer"
"""Beside the messages' states: the message itself, and each of WeChat's errcodes but 0."""
SHARDS = 8
"""Workers add to rows of their own: with one row for all they would wait for each other."""
SLOW_SECONDS = 10
MINUTES_KEPT = timedelta(days=2)


ONE = ("span", "begins", "account_id", "template_id", "state", "errcode", "shard")
"""What names one count."""


class Span(models.TextChoices):
    MINUTE = "m", "minute"
    HOUR = "h", "hour"


class MessageCount(models.Model):
    """`count` messages of a template got the state, with the errcode, from `begins` on for a span.
    Tests are not among them.
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
            models.UniqueConstraint(fields=ONE, name="message_count_once"),
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
    """In the transaction of the change that is counted: exact, whatever dies.

    Rows are locked in one order, that of the states: who calls it more than once in a transaction
    goes from state to state in the alphabet's order, else two could wait for each other.
    """
    if not tallies:
        return
    minute = now.replace(second=0, microsecond=0)
    spans = ((Span.HOUR, minute.replace(minute=0)), (Span.MINUTE, minute))
    rows: list[tuple[Any, ...]] = [
        (str(span), _adapted(begins), *key, _shard(), *(getattr(one, name) for name in _SUMS))
        for key, one in sorted(tallies.items(), key=lambda item: (item[0][2], item[0]))
        for span, begins in spans
    ]
    marks = "(" + ", ".join(["%s"] * (len(ONE) + len(_SUMS))) + ")"
    sums = ", ".join(f"{name} = {_TABLE}.{name} + excluded.{name}" for name in _SUMS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} ({', '.join(ONE + _SUMS)}) "  # noqa: S608 - our own names
            f"VALUES {', '.join([marks] * len(rows))} "
            f"ON CONFLICT ({', '.join(ONE)}) DO UPDATE SET {sums}",
            [value for row in rows for value in row],
        )


def count_moved(ids: Iterable[UUID], state: State, now: datetime) -> None:
    """For the rare ways to a state, whose callers do not know the templates."""
    rows = Message.objects.filter(pk__in=list(ids), is_test=False).order_by()
    found = Counter(rows.values_list("account_id", "version__template_id"))
    tallies = {
        (account, template, state.value, 0): Tally(count)
        for (account, template), count in found.items()
    }
    add_counts(tallies, now)


_TABLE = MessageCount._meta.db_table
_SUMS = ("count", "on_time", "late", "waited_ms")


@cache
def _shard() -> int:
    """Of the process. Not by its number alone: in containers all are number one."""
    return crc32(f"{socket.gethostname()}:{os.getpid()}".encode()) % SHARDS


def _adapted(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
