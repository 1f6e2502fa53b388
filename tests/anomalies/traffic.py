"""Weeks of an account's traffic as its windows would have been measured, with faults in them.

Seeded. By day and by week; shares and times wander from window to window more than chance alone
would have them. Mondays at nine a batch of old addresses fails: that is usual, too.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.models import Measure, MeasuredWindow
from tests.anomalies.measuring import WIDTH

SHANGHAI = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2026, 9, 28, tzinfo=SHANGHAI).astimezone(UTC)
"""A Monday."""
WEEK = timedelta(weeks=1)
HISTORY = 8
SHARES = (0.6, 0.3, 0.1)
"""Of three templates."""
SIZES = {"small": 5, "medium": 60, "large": 600}
"""Messages of a window at the busiest time."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a window is drawn from: shares of messages, milliseconds."""

    volume: float = 1.0
    failure: float = 0.004
    refusal: float = 0.02
    undelivered: float = 0.003
    missing: float = 0.005
    p95_ms: float = 150
    lag_ms: float = 2_000


Change = Callable[[Shape, float], Shape]
"""(the usual, how far the fault is: 0 to 1)"""


@dataclass(frozen=True, slots=True)
class Fault:
    """`measure` None: nothing may be raised. `template`: 0 for all, else of that one alone."""

    measure: Measure | None
    change: Change
    lasts: timedelta = timedelta(hours=1)
    template: int = 0


FAULTS: dict[str, Fault] = {
    "failures 3 %": Fault(Measure.FAILURE, lambda one, _: replace(one, failure=0.03)),
    "failures 10 %": Fault(Measure.FAILURE, lambda one, _: replace(one, failure=0.10)),
    "failures 50 %": Fault(Measure.FAILURE, lambda one, _: replace(one, failure=0.50)),
    "failures 20 %, one template": Fault(
        Measure.FAILURE, lambda one, _: replace(one, failure=0.20), template=2
    ),
    "failures drift to 8 % in 6 h": Fault(
        Measure.FAILURE,
        lambda one, far: replace(one, failure=one.failure + 0.08 * far),
        timedelta(hours=6),
    ),
    "WeChat 2 times slower": Fault(
        Measure.LATENCY, lambda one, _: replace(one, p95_ms=one.p95_ms * 2)
    ),
    "WeChat 5 times slower": Fault(
        Measure.LATENCY, lambda one, _: replace(one, p95_ms=one.p95_ms * 5)
    ),
    "WeChat 20 times slower": Fault(
        Measure.LATENCY, lambda one, _: replace(one, p95_ms=one.p95_ms * 20)
    ),
    "refusals 6 %": Fault(Measure.REFUSAL, lambda one, _: replace(one, refusal=0.06)),
    "refusals 15 %": Fault(Measure.REFUSAL, lambda one, _: replace(one, refusal=0.15)),
    "not delivered 10 %": Fault(Measure.UNDELIVERED, lambda one, _: replace(one, undelivered=0.10)),
    "receipts after 20 s": Fault(Measure.RECEIPT_LAG, lambda one, _: replace(one, lag_ms=20_000)),
    "30 % without receipts": Fault(Measure.MISSING, lambda one, _: replace(one, missing=0.3)),
    "no receipts": Fault(Measure.MISSING, lambda one, _: replace(one, missing=1.0)),
}
BENIGN: dict[str, Fault] = {
    "quiet week": Fault(None, lambda one, _: one),
    "nearly nothing for 8 h": Fault(
        None, lambda one, _: replace(one, volume=0.02 * one.volume), timedelta(hours=8)
    ),
    "campaign, 20 times as many": Fault(
        None, lambda one, _: replace(one, volume=20 * one.volume), timedelta(minutes=40)
    ),
    "public holiday, a third": Fault(
        None, lambda one, _: replace(one, volume=one.volume / 3), timedelta(hours=24)
    ),
}


@dataclass(frozen=True, slots=True)
class Incident:
    begins: datetime
    ends: datetime


def incidents(fault: Fault, draw: random.Random) -> list[Incident]:
    """Three in the week after the history: by day, in the evening, at the weekend."""
    week = FIRST + HISTORY * WEEK
    found = []
    for day, hours in ((1, (9, 15)), (3, (16, 21)), (5, (9, 20))):
        minutes = 5 * draw.randrange(hours[0] * 12, hours[1] * 12)
        begins = week + timedelta(days=day, minutes=minutes)
        if fault.lasts >= timedelta(hours=8):
            begins = week + timedelta(days=day)
        found.append(Incident(begins, begins + fault.lasts))
    return found


def traffic(
    size: int, fault: Fault, times: list[Incident], draw: random.Random
) -> Iterator[tuple[datetime, dict[int, MeasuredWindow]]]:
    """Each window, oldest first: by template, 0 for all of them."""
    begins = FIRST
    while begins < FIRST + (HISTORY + 1) * WEEK:
        usual = usual_at(begins)
        wander = math.exp(draw.gauss(0, 0.15))
        rows = {}
        for template, share in enumerate(SHARES, start=1):
            shape = usual
            for one in times:
                if one.begins <= begins < one.ends and fault.template in (0, template):
                    shape = fault.change(usual, (begins - one.begins) / (one.ends - one.begins))
            rows[template] = drawn(begins, shape, size * share * wander, draw)
        yield begins, {0: whole(begins, rows)} | rows
        begins += WIDTH


def usual_at(begins: datetime) -> Shape:
    local = begins.astimezone(SHANGHAI)
    hour = local.hour + local.minute / 60
    day = max(math.sin((hour - 7) / 15 * math.pi), 0) if 7 < hour < 22 else 0
    weekend = 0.5 if local.weekday() >= 5 else 1.0
    volume = (0.02 + 0.98 * day) * weekend
    is_batch = local.weekday() == 0 and local.hour == 9
    return Shape(
        volume=volume,
        failure=0.06 if is_batch else 0.004,
        p95_ms=130 + 80 * day,
        lag_ms=1_500 + 1_500 * day,
    )


def drawn(begins: datetime, shape: Shape, size: float, draw: random.Random) -> MeasuredWindow:
    count = poisson(size * shape.volume, draw)
    failed = among(count, shape.failure * math.exp(draw.gauss(0, 0.3)), draw)
    sent = count - failed
    refused = among(sent, shape.refusal * math.exp(draw.gauss(0, 0.2)), draw)
    missing = among(sent, shape.missing * math.exp(draw.gauss(0, 0.3)), draw)
    unsure = 0.12 + 0.6 / math.sqrt(count) if count else 0
    times = {
        "p95_ms": round(shape.p95_ms * math.exp(draw.gauss(0, unsure))) if count else None,
        "lag_ms": min(round(shape.lag_ms * math.exp(draw.gauss(0, unsure))), 300_000)
        if sent > missing
        else None,
    }
    return MeasuredWindow(
        begins=begins,
        tried=count,
        failed=failed,
        timed=count,
        sent=sent,
        blocked=refused,
        missing=missing,
        undelivered=among(sent, shape.undelivered * math.exp(draw.gauss(0, 0.3)), draw),
        **times,
    )


def whole(begins: datetime, rows: dict[int, MeasuredWindow]) -> MeasuredWindow:
    """Of all together; times as of the largest part, as a percentile is nearly."""
    names = ("tried", "failed", "timed", "sent", "blocked", "undelivered", "missing")
    sums: dict[str, Any] = {
        name: sum(getattr(one, name) for one in rows.values()) for name in names
    }
    largest = max(rows.values(), key=lambda one: one.tried)
    return MeasuredWindow(begins=begins, p95_ms=largest.p95_ms, lag_ms=largest.lag_ms, **sums)


def poisson(mean: float, draw: random.Random) -> int:
    if mean > 50:
        return max(round(draw.gauss(mean, math.sqrt(mean))), 0)
    count, product, least = 0, draw.random(), math.exp(-mean)
    while product > least:
        count += 1
        product *= draw.random()
    return count


def among(count: int, share: float, draw: random.Random) -> int:
    share = min(share, 1.0)
    if count * share > 50 and count * (1 - share) > 50:
        spread = math.sqrt(count * share * (1 - share))
        return min(max(round(draw.gauss(count * share, spread)), 0), count)
    if count > 200 and share < 0.2:
        return min(poisson(count * share, draw), count)
    return sum(draw.random() < share for _ in range(count))
