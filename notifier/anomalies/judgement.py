"""Is a window as it usually is? Pure, and plain enough to be told to anybody.

*Usual* is the median of the same time of the last eight weeks; where there are fewer than four of
these, of the same time of the last fourteen days; where there are fewer than five, of the last
hours. Each of these values is of a window with its two neighbours on either side. How much it
usually moves is the median absolute deviation (MAD), scaled, never taken as less than a floor.

Unusual is what lies above the *limit*: usual and five times that spread, and at least a certain
effect more. Where more than half fails it is so whatever is usual, before anything is known, and
though there are few (ten of ten). A share must lie above the limit even at the lower end of
Wilson's interval: three of eight messages say little, and then the last hour is asked. One bad
window is suspected, two in a row are raised, and a very large one is at once; two good ones end it
(`standing.py`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from math import sqrt
from statistics import median
from typing import Any

from notifier.models import Basis, Measure

WEEKS, LEAST_WEEKS = 8, 4
DAYS, LEAST_DAYS = 14, 5
HOURS, HALF_HOUR, LEAST_HALVES = 72, 6, 4
"""Windows of the last hours, joined six by six: of five minutes, six hours in half hours."""
NEIGHBOURS = 2
LEAST = 20
"""Messages that are judged. Of fewer, earlier windows are joined with the last one, …"""
JOINED = 12
"""… so many at most: of five minutes, an hour."""
HOUR = (1 - JOINED, 0)
LEAST_HITS = 5
SPREADS = 5.0
LEAST_SPREAD = 0.05
"""Of times, as a part of the usual one."""
MAD_SCALE = 1.4826
"""Makes the MAD of normally distributed values their standard deviation."""
Z = 3.0
LARGE = 4.0
"""So many times as far from usual as the limit is: raised at once."""
LARGE_SHARE = 0.2
HALF = 0.5
"""Where most messages fail nothing is well, whatever is usual: a template that never worked would
be its own example."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`part`: of a row (hits, messages) where it is a share, else (milliseconds or None, messages).
    `effect`: so much more than usual at least; `factor`: and so many times. `is_late`: known when
    the receipts have had time. `least`: of fewer messages only what is very large is unusual.
    `most`: a share above it is unusual though it always was so."""

    part: Callable[[Any], tuple[float | None, int]]
    is_share: bool
    effect: float
    floor: float
    factor: float = 1.0
    is_late: bool = False
    least: int = LEAST
    most: float | None = None


RULES: dict[Measure, Rule] = {
    Measure.FAILURE: Rule(lambda row: (row.failed, row.tried), True, 0.02, 0.004, most=HALF),
    Measure.LATENCY: Rule(lambda row: (row.p95_ms, row.timed), False, 200, 20, 1.5, least=50),
    Measure.REFUSAL: Rule(
        lambda row: (row.refused + row.blocked, row.refused + row.sent),
        True,
        0.03,
        0.006,
        is_late=True,
        most=HALF,
    ),
    Measure.UNDELIVERED: Rule(
        lambda row: (row.undelivered, row.sent), True, 0.02, 0.004, 1, True, most=HALF
    ),
    Measure.RECEIPT_LAG: Rule(
        lambda row: (row.lag_ms, row.sent - row.missing), False, 5_000, 500, 2, True
    ),
    Measure.MISSING: Rule(lambda row: (row.missing, row.sent), True, 0.05, 0.01, 1, True),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Some windows together: a share or milliseconds, of `count` messages. `reach`: of the latest,
    so many windows back."""

    value: float
    count: int
    hits: float = 0
    reach: int = 1


@dataclass(frozen=True, slots=True)
class Usual:
    """What lies above `limit` is unusual."""

    value: float
    limit: float
    basis: Basis
    points: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Neither bad nor good: too few to say. `reach`: judged by so many windows, this one and
    those before it."""

    is_bad: bool
    is_good: bool
    value: float
    is_large: bool = False
    usual: float | None = None
    limit: float | None = None
    count: int = 0
    basis: Basis = Basis.NONE
    points: int = 0
    reach: int = 1
    facts: dict[str, Any] = field(default_factory=dict)


Rows = Mapping[datetime, Any]
"""The windows of an account or a template, by when they begin."""


def judge(
    rule: Rule,
    rows: Rows,
    at: datetime,
    width: timedelta,
    before: datetime,
    known: Usual | None = None,
) -> Verdict | None:
    """The window that begins at `at`. `before`: what begins then or later is no example of what is
    usual. `known`: what was usual when it began, if nothing else is. None: nothing is known of it,
    or of what is usual."""
    now = latest(rule, rows, at, width, rule.least)
    if now is None:
        return None
    if now.count < LEAST:
        return _judged_few(now, rule.most, known) if rule.most else None
    usual = usual_at(rule, rows, at, width, before) or known
    if usual is None:
        return _judged_alone(now, rule.most) if rule.most else None
    limit = usual.limit
    far = max(usual.value + LARGE * (limit - usual.value), limit)
    if not rule.is_share:
        is_sure = now.count >= rule.least  # of fewer messages a percentile is nearly the longest
        is_bad = now.value > (limit if is_sure else far)
        is_large = is_sure and now.value > far
    elif (is_bad := _is_surely(now, limit)) or now.value <= limit:
        is_large = is_bad and _is_surely(now, max(far, LARGE_SHARE))
    else:  # above it, but of too few messages: the hour may say more, against such hours
        is_large = False
        hour = latest(rule, rows, at, width, None) or now
        same = usual_at(rule, rows, at, width, before, HOUR) or usual
        if is_bad := _is_surely(hour, same.limit):
            now, usual = hour, same
    return Verdict(
        is_bad,
        now.value <= limit,
        now.value,
        is_large,
        usual.value,
        usual.limit,
        now.count,
        usual.basis,
        usual.points,
        now.reach,
    )


def _judged_alone(now: Sample, most: float) -> Verdict:
    is_bad = _is_surely(now, most)
    return Verdict(
        is_bad, now.value <= most, now.value, limit=most, count=now.count, reach=now.reach
    )


def _judged_few(now: Sample, most: float, known: Usual | None) -> Verdict | None:
    """Only where it is sure that most of them fail, or that most do not."""
    alone = _judged_alone(now, most)
    is_low = now.value <= (known.limit if known else most)
    is_good = is_low and wilson_low(now.count - now.hits, now.count) > 1 - most
    return replace(alone, is_good=is_good) if alone.is_bad or is_good else None


def _is_surely(sample: Sample, above: float) -> bool:
    return sample.hits >= LEAST_HITS and wilson_low(sample.hits, sample.count) > above


def latest(
    rule: Rule, rows: Rows, at: datetime, width: timedelta, least: int | None
) -> Sample | None:
    """The window, with those before it until they have `least` messages (None: with all of the
    hour); None: it has none."""
    if at not in rows or not rule.part(rows[at])[1]:
        return None
    found, together = [], None
    for back in range(JOINED):
        found += [rows[at - back * width]] if at - back * width in rows else []
        if together := joined(rule, found):
            together = replace(together, reach=back + 1)
            if least is not None and together.count >= least:
                break
    return together


def joined(rule: Rule, rows: Iterable[Any]) -> Sample | None:
    """Shares are added up; of times, the median, each window weighed by its messages."""
    parts = [(value, count) for value, count in map(rule.part, rows) if count and value is not None]
    total = sum(count for _, count in parts)
    if not total:
        return None
    if rule.is_share:
        hits = sum(value for value, _ in parts)
        return Sample(hits / total, total, hits)
    ordered = sorted(parts)
    seen = accumulate(count for _, count in ordered)
    middle = next(n for n, count in enumerate(seen) if 2 * count >= total)
    return Sample(ordered[middle][0], total)


def usual_at(
    rule: Rule,
    rows: Rows,
    at: datetime,
    width: timedelta,
    before: datetime,
    span: tuple[int, int] = (-NEIGHBOURS, NEIGHBOURS),
) -> Usual | None:
    for basis, least, groups in examples(at, width, span):
        values = []
        for group in groups:
            together = joined(rule, [rows[one] for one in group if one in rows and one < before])
            if together and together.count >= LEAST:
                values.append(together.value)
        if len(values) >= least:
            middle = median(values)
            mad = median(abs(value - middle) for value in values)
            return Usual(middle, _limit(rule, middle, MAD_SCALE * mad), basis, len(values))
    return None


def _limit(rule: Rule, usual: float, spread: float) -> float:
    least = 0.0 if rule.is_share else usual * LEAST_SPREAD
    spread = max(spread, rule.floor, least)
    limit = max(usual + SPREADS * spread, usual + rule.effect, usual * rule.factor)
    return min(limit, rule.most) if rule.most else limit


@lru_cache(maxsize=8)
def examples(
    at: datetime, width: timedelta, span: tuple[int, int] = (-NEIGHBOURS, NEIGHBOURS)
) -> list[tuple[Basis, int, list[list[datetime]]]]:
    """(basis, how many of its values are needed, the windows of each), the best one first. `span`:
    the first and the last window, as seen from that time. The same for all accounts, templates and
    measures."""
    weeks = [_around(at - timedelta(weeks=n), width, span) for n in range(1, WEEKS + 1)]
    days = [_around(at - timedelta(days=n), width, span) for n in range(1, DAYS + 1)]
    # Not the last half hour: what begins slowly would be its own example.
    halves = [
        [at - n * width for n in range(first, first + HALF_HOUR)]
        for first in range(HALF_HOUR + 1, HOURS + 1, HALF_HOUR)
    ]
    return [
        (Basis.WEEK, LEAST_WEEKS, weeks),
        (Basis.DAY, LEAST_DAYS, days),
        (Basis.HOURS, LEAST_HALVES, halves),
    ]


def _around(at: datetime, width: timedelta, span: tuple[int, int]) -> list[datetime]:
    first, last = span
    return [at + n * width for n in range(first, last + 1)]


def wilson_low(hits: float, count: int, z: float = Z) -> float:
    """The lower end of Wilson's score interval of a share (E. B. Wilson, 1927)."""
    share, square = hits / count, z * z / count
    half = z * sqrt(share * (1 - share) / count + square / (4 * count))
    return max((share + square / 2 - half) / (1 + square), 0.0)
