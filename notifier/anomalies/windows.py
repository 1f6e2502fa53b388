"""The measures of a window, from the events of its messages (`happened.py`)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from statistics import median

from notifier.anomalies.happened import Event, Happened, Key, happened
from notifier.models import MeasuredWindow, State
from notifier.wechat.callback import Outcome, outcome_of
from notifier.wechat.errors import Kind, kind_of

MOST_TEMPLATES = 500
"""Those with most messages have rows of their own; the account's has all."""
SHOWN_ERRCODES = 5
GIVEN_UP = (State.FAILED, State.UNKNOWN, State.EXPIRED)
EARLY_FIELDS = (
    "tried",
    "failed",
    "refused",
    "errcodes",
    "timed",
    "median_ms",
    "p95_ms",
    "is_sample",
)
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
    told = happened(begins, begins + width)
    tallies = _tallied(told, _add_attempt)
    return [
        MeasuredWindow(
            account_id=account,
            template_id=template,
            begins=begins,
            is_sample=told.is_sample_of((account, template)),
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
    told = happened(begins, begins + width)
    tallies = _tallied(told, partial(_add_receipt, width=width))
    return [
        MeasuredWindow(
            account_id=account,
            template_id=template,
            begins=begins,
            is_sample=told.is_sample_of((account, template)),
            sent=one.sent,
            blocked=one.blocked,
            undelivered=one.undelivered,
            missing=one.missing,
            lag_ms=round(median(one.lags)) if one.lags else None,
        )
        for (account, template), one in _busiest(tallies)
    ]


def _tallied(told: Happened, add: Callable[[Tally, Event], None]) -> dict[Key, Tally]:
    tallies = defaultdict[Key, Tally](Tally)
    for event, keys in told.each():
        for key in keys:
            add(tallies[key], event)
    return tallies


def _add_attempt(one: Tally, event: Event) -> None:
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


def _add_receipt(one: Tally, event: Event, width: timedelta) -> None:
    if event["state"] != State.SENT:
        return
    one.sent += 1
    status, came = event["message__receipt_status"], event["message__receipt_at"]
    if came is None or came > event["at"] + width:
        one.missing += 1
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
