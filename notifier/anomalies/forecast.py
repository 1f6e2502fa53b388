"""When an account's quota of today is used up, and when its queue is empty.

Quota: for an hour it goes on as in the last one, and after it as usual: each hour as the median of
the same hour of the last four weeks, or of the last seven days while there are fewer than two such
weeks; both without what campaigns sent. What has its time in an hour comes in place of that where
it is more: services may do so each day. Besides comes what is due and campaigns (`known.py`), at
the pace of now or the campaign's own. The queue: what waits, less what is done in a minute, more
what is accepted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from django.db.models import Sum

from notifier.anomalies.judgement import Verdict
from notifier.anomalies.known import HOUR, MOST, Load, Sent, hour_of, known, sent_by_campaigns
from notifier.dispatch import gate
from notifier.dispatch.clock import waiting
from notifier.dispatch.gate import Limits
from notifier.dispatch.retry import next_midnight_in_china
from notifier.models import MessageCount, State
from notifier.models.counts import ACCEPTED, Span
from templates_app.models import OfficialAccount

MINUTE = timedelta(minutes=1)
WEEKS, LEAST_WEEKS, DAYS = 4, 2, 7
RATE_MINUTES = 10
BEGUN = 0.2
"""So much of the quota is used before anything is raised: a day's first minutes say little."""
SETTLED = (State.SENT, State.FAILED, State.UNKNOWN, State.EXPIRED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Quota:
    """`allowed`: of the day, the reserve for urgent ones left out. `ends_at` None: it lasts until
    the reset."""

    used: int
    allowed: int
    per_hour: int
    ends_at: datetime | None
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """`age` in seconds, of the first due message. `accepted`, `settled`: a minute. `empty_at` None:
    it does not shrink, is empty, or nobody knows how much waits."""

    waiting: int
    age: float
    accepted: float
    settled: float
    empty_at: datetime | None
    is_more: bool = False
    """No more are counted: at least so many wait."""

    @property
    def shrinks(self) -> bool:
        return self.settled > self.accepted


def quotas(accounts: Iterable[OfficialAccount], now: datetime) -> dict[int, Quota]:
    """Of those whose quota is counted. Raises RedisError."""
    counted = [one for one in accounts if one.daily_quota]
    conditions = gate.conditions(counted, now)
    pks = [one.pk for one in counted]
    present = _sent(pks, Span.MINUTE, now - HOUR, now)
    lately = _sent(pks, Span.MINUTE, now - RATE_MINUTES * MINUTE, now)
    resets_at = next_midnight_in_china(now)
    campaigns = sent_by_campaigns(pks, now - WEEKS * timedelta(weeks=1), now)
    usual, comes = _usual_hours(pks, campaigns, now), known(pks, now, resets_at)
    found = {}
    for one, how in zip(counted, conditions, strict=True):
        limits, used = Limits.of(one), how.sent_today
        allowed = max(limits.daily - limits.reserve, 0)
        per_hour = present.get(one.pk, 0)
        ends_at: datetime | None = now
        if used < allowed:
            pace = max(per_hour, lately.get(one.pk, 0) * (HOUR / (RATE_MINUTES * MINUTE)))
            steady = max(per_hour - _within(campaigns[one.pk], now - HOUR), 0)
            streams = _streams(comes[one.pk], pace - steady, now, resets_at)
            rates = _Rates(now, resets_at, steady, usual.get(one.pk, {}), streams)
            ends_at = _ends_at(allowed - used, rates)
        found[one.pk] = Quota(used, allowed, per_hour, ends_at, resets_at)
    return found


@dataclass(frozen=True, slots=True)
class Stream:
    """`rate` messages an hour, beside the usual ones or, if `is_daily`, in their place."""

    begins: datetime
    ends: datetime
    rate: float
    is_daily: bool


@dataclass(frozen=True, slots=True)
class _Rates:
    """Messages an hour until the reset: `steady` in the first one, then `usual`, by hour."""

    now: datetime
    resets_at: datetime
    steady: float
    usual: dict[datetime, float]
    streams: list[Stream]

    def steps(self) -> Iterator[tuple[datetime, datetime, float]]:
        """(from, to, messages an hour), without a gap."""
        hours = [hour_of(self.now) + n * HOUR for n in range(1, 25)]
        edges = {self.now, self.resets_at, self.now + HOUR, *hours}
        edges |= {edge for one in self.streams for edge in (one.begins, one.ends)}
        for begins, ends in pairwise(sorted(edges)):
            if begins < self.resets_at:
                yield begins, ends, self._rate(begins)

    def _rate(self, at: datetime) -> float:
        as_usual = self.usual.get(hour_of(at), 0 if self.usual else self.steady)
        usual = self.steady if at < self.now + HOUR else as_usual
        present = [one for one in self.streams if one.begins <= at < one.ends]
        daily = sum(one.rate for one in present if one.is_daily)
        return max(usual, daily) + sum(one.rate for one in present if not one.is_daily)


def _streams(
    loads: Iterable[Load], pace: float, now: datetime, resets_at: datetime
) -> list[Stream]:
    """What nothing holds back goes on at `pace`, that of now beside all else: what is due so fast
    that it is sent before the reset, what comes later so fast that it takes an hour at most."""
    free = sum(one.count for one in loads if one.pace is None and one.since == now)
    held = [one for one in loads if one.pace is not None or one.since > now]
    fast = Load(now, free, max(pace, free / ((resets_at - now) / HOUR)))
    return [
        Stream(one.since, one.since + HOUR * (one.count / rate), rate, one.is_daily)
        for one in (fast, *held)
        if one.count > 0
        for rate in [one.pace or max(pace, one.count)]
    ]


def _ends_at(left: float, rates: _Rates) -> datetime | None:
    for begins, ends, rate in rates.steps():
        comes = rate * ((ends - begins) / HOUR)
        if comes >= left > 0:
            return begins + (ends - begins) * (left / comes)
        left -= comes
    return None


def _within(campaigns: Iterable[Sent], begins: datetime) -> float:
    """So many messages campaigns sent in that hour."""
    return sum(one.within(begins, begins + HOUR) for one in campaigns)


def _usual_hours(
    pks: list[int], campaigns: Mapping[int, list[Sent]], now: datetime
) -> dict[int, dict[datetime, float]]:
    """For each hour until the reset, as far as anything is known of it."""
    last = next_midnight_in_china(now)
    hours = [hour_of(now) + n * HOUR for n in range(25) if hour_of(now) + n * HOUR < last]
    back = [timedelta(weeks=n) for n in range(1, WEEKS + 1)]
    back += [timedelta(days=n) for n in range(1, DAYS + 1)]
    begins = {hour - one for hour in hours for one in back}
    sums: dict[int, dict[datetime, float]] = defaultdict(dict)
    rows = MessageCount.objects.filter(
        span=Span.HOUR, begins__in=begins, account_id__in=pks, state=State.SENT
    )
    told = rows.order_by().values_list("account_id", "begins").annotate(Sum("count"))
    for account, begin, count in told:
        sums[account][begin] = max(count - _within(campaigns[account], begin), 0)
    return {account: _medians(counts, hours) for account, counts in sums.items()}


def _medians(counts: dict[datetime, float], hours: list[datetime]) -> dict[datetime, float]:
    """An hour without a count had no message, if its day had any."""
    days = {begin.date() for begin in counts}
    weeks = [timedelta(weeks=n) for n in range(1, WEEKS + 1)]
    usual = {}
    for hour in hours:
        values = [counts.get(hour - one, 0) for one in weeks if (hour - one).date() in days]
        if len(values) < LEAST_WEEKS:
            some = [timedelta(days=n) for n in range(1, DAYS + 1)]
            values = [counts.get(hour - one, 0) for one in some if (hour - one).date() in days]
        usual[hour] = median(values) if values else 0
    return usual


def queues(accounts: Iterable[OfficialAccount], now: datetime) -> dict[int, Queue]:
    """A look into the index for each lane in which something is due."""
    pks = [one.pk for one in accounts]
    count, age = defaultdict[int, int](int), defaultdict[int, float](float)
    more = set()
    for lane, one in waiting(now, MOST).items():
        count[lane.account_id] += one.count
        age[lane.account_id] = max(age[lane.account_id], (now - one.since).total_seconds())
        if one.is_many:
            more.add(lane.account_id)
    since = now.replace(second=0, microsecond=0) - RATE_MINUTES * MINUTE
    minutes = (now - since) / MINUTE
    accepted = _sent(pks, Span.MINUTE, since, now, (ACCEPTED,))
    settled = _sent(pks, Span.MINUTE, since, now, SETTLED)
    found = {}
    for pk in pks:
        came, done = accepted.get(pk, 0) / minutes, settled.get(pk, 0) / minutes
        is_known = count[pk] and pk not in more
        left = count[pk] / (done - came) if is_known and done > came else None
        empty_at = now + left * MINUTE if left is not None else None
        found[pk] = Queue(count[pk], age[pk], came, done, empty_at, pk in more)
    return found


def _sent(
    pks: list[int], span: Span, begins: datetime, ends: datetime, states: Any = (State.SENT,)
) -> dict[int, int]:
    rows = MessageCount.objects.filter(
        span=span, begins__gte=begins, begins__lte=ends, account_id__in=pks, state__in=states
    )
    return dict(rows.order_by().values_list("account_id").annotate(Sum("count")))


def judged_quota(found: Quota) -> Verdict:
    """Bad: it ends before the day does. Used up it is no longer news, and no end of it either.
    Where all of it is kept for urgent ones, there is nothing that could end."""
    is_begun = found.allowed > 0 and found.used >= BEGUN * found.allowed
    is_bad = found.ends_at is not None and is_begun
    share = found.used / max(found.allowed, 1)
    return Verdict(is_bad, not is_bad, share, count=found.used, facts=asdict(found))


def judged_queue(found: Queue, before: float, width: timedelta) -> Verdict:
    """`before`: its age a window ago. Bad: something is due for longer than a window, ever longer,
    and no more is done than comes."""
    is_old = found.waiting > 0 and found.age > max(before, width.total_seconds())
    is_bad = is_old and not found.shrinks
    is_good = not found.waiting or found.age <= width.total_seconds() or found.shrinks
    return Verdict(is_bad, is_good, found.age * 1000, count=found.waiting, facts=asdict(found))
