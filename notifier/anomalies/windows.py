"""The measures of a window, from the events of messages: their ids ascend with their time, so that
a window is a range of the primary key, and its cost does not grow with the log."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import Any

from notifier.models import MeasuredWindow, MessageEvent, State
from notifier.models.ids import first_pk_at
from notifier.wechat.callback import Outcome, outcome_of
from notifier.wechat.errors import Kind, kind_of

MOST = 10_000
"""Events of a window that are looked at; of more, as many at random."""
CHUNK = 1_000
MOST_TEMPLATES = 500
"""Those with most messages have rows of their own; the account's has all."""
SHOWN_ERRCODES = 5
GIVEN_UP = (State.FAILED, State.UNKNOWN, State.EXPIRED)
Key = tuple[int, int]
"""account, template; 0: all of them"""
NAMES = (
    *("at", "state", "errcode", "duration_ms", "message__account_id"),
    *("message__version__template_id", "message__receipt_status", "message__receipt_at"),
)
EARLY_FIELDS = ("tried", "failed", "refused", "errcodes", "timed", "median_ms", "p95_ms")
LATE_FIELDS = ("sent", "blocked", "undelivered", "missing", "lag_ms")


@dataclass(slots=True)
class Tally:
    tried: int = 0
    failed: int = 0
    refused: int = 0
    errcodes: Counter[int] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    sent: int = 0
    blocked: int = 0
    undelivered: int = 0
    missing: int = 0
    lags: list[float] = field(default_factory=list)


def measured(begins: datetime, width: timedelta) -> list[MeasuredWindow]:
    """What was tried in the window, and how it went."""
    tallies = defaultdict[Key, Tally](Tally)
    for event in _events(begins, begins + width):
        for one in _both(tallies, event):
            _add_attempt(one, event)
    return [
        MeasuredWindow(
            account_id=account,
            template_id=template,
            begins=begins,
            tried=one.tried,
            failed=one.failed,
            refused=one.refused,
            errcodes={str(code): n for code, n in one.errcodes.most_common(SHOWN_ERRCODES)},
            timed=len(one.times),
            median_ms=round(median(one.times)) if one.times else None,
            p95_ms=_p95(one.times),
        )
        for (account, template), one in _busiest(tallies)
    ]


def measured_late(begins: datetime, width: timedelta) -> list[MeasuredWindow]:
    """What became of the messages that were sent in the window: a window after it."""
    tallies = defaultdict[Key, Tally](Tally)
    for event in _events(begins, begins + width):
        if event["state"] == State.SENT:
            for one in _both(tallies, event):
                _add_receipt(one, event, width)
    return [
        MeasuredWindow(
            account_id=account,
            template_id=template,
            begins=begins,
            sent=one.sent,
            blocked=one.blocked,
            undelivered=one.undelivered,
            missing=one.missing,
            lag_ms=round(median(one.lags)),
        )
        for (account, template), one in _busiest(tallies)
    ]


def _both(tallies: dict[Key, Tally], event: dict[str, Any]) -> tuple[Tally, Tally]:
    account = event["message__account_id"]
    return tallies[account, 0], tallies[account, event["message__version__template_id"]]


def _add_attempt(one: Tally, event: dict[str, Any]) -> None:
    state, errcode, ms = event["state"], event["errcode"], event["duration_ms"]
    if ms is None and state not in GIVEN_UP:
        return  # claimed, put off, a receipt
    kind = kind_of(errcode) if errcode else None
    if kind is Kind.QUOTA:
        return  # it waits for midnight, and the forecast tells of it
    one.tried += 1
    if ms is not None:
        one.times.append(ms)
    if state == State.SENT:
        return
    if errcode:
        one.errcodes[errcode] += 1
    if kind is Kind.RECIPIENT:
        one.refused += 1
    else:
        one.failed += 1


def _add_receipt(one: Tally, event: dict[str, Any], width: timedelta) -> None:
    one.sent += 1
    status, came = event["message__receipt_status"], event["message__receipt_at"]
    if came is None or came > event["at"] + width:
        one.missing += 1
        one.lags.append(width / timedelta(milliseconds=1))
        return
    one.lags.append(max((came - event["at"]) / timedelta(milliseconds=1), 0))
    outcome = outcome_of(status)
    if outcome is Outcome.REFUSED_BY_USER:
        one.blocked += 1
    elif outcome is not Outcome.DELIVERED:
        one.undelivered += 1


def _busiest(tallies: dict[Key, Tally]) -> Iterable[tuple[Key, Tally]]:
    whole = [(key, one) for key, one in tallies.items() if not key[1]]
    own = [(key, one) for key, one in tallies.items() if key[1]]
    own.sort(key=lambda item: -(item[1].tried + item[1].sent))
    kept = [*whole, *own[:MOST_TEMPLATES]]
    return sorted((key, one) for key, one in kept if one.tried or one.sent)


def _p95(times: list[int]) -> int | None:
    """By nearest rank."""
    return sorted(times)[ceil(0.95 * len(times)) - 1] if times else None


def _events(begins: datetime, ends: datetime) -> Iterator[dict[str, Any]]:
    """Tests left out. Several processes write them: the order of ids is that of time but for
    seconds, so the range is taken a little wider."""
    slack = (ends - begins) / 20
    rows = MessageEvent.objects.order_by()
    low = first_pk_at(rows, "at", begins - slack)
    high = first_pk_at(rows, "at", ends + slack)
    told = rows.filter(at__gte=begins, at__lt=ends, message__is_test=False)
    if high - low <= MOST:
        yield from told.filter(pk__gte=low, pk__lt=high).values(*NAMES)
        return
    # The same ones a window later, when their receipts are asked for.
    chosen = random.Random(low).sample(range(low, high), MOST)  # noqa: S311 - a sample
    for first in range(0, MOST, CHUNK):
        yield from told.filter(pk__among=chosen[first : first + CHUNK]).values(*NAMES)
