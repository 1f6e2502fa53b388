"""What follows an attempt: a pure function over one table. Nothing here sleeps or reads a clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from notifier.models import Reason, State
from notifier.wechat.errors import Kind

GUARD = timedelta(seconds=570)
"""WeChat knows a client_msg_id for 10 minutes (its page on template/send); half a minute spare."""

LATE_RESET = timedelta(minutes=15)
_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with full jitter: uniform between 0 and min(cap, base * 2^(attempt - 1))."""

    base: float
    cap: float
    reason: Reason = Reason.RETRY

    def seconds(self, attempt: int, jitter: float) -> float:
        return jitter * min(self.cap, self.base * 2.0 ** min(attempt - 1, 20))


FINAL: dict[Kind, State] = {
    Kind.OK: State.SENT,
    Kind.RECIPIENT: State.FAILED,
    Kind.TEMPLATE: State.FAILED,
    Kind.REQUEST: State.FAILED,
    Kind.UNKNOWN_CODE: State.FAILED,
}
AGAIN: dict[Kind, Backoff] = {
    Kind.RETRY: Backoff(base=2, cap=300),
    Kind.SLOW: Backoff(base=4, cap=300),
    Kind.AMBIGUOUS: Backoff(base=2, cap=120),
    # The breaker makes them wait; the backoff is for a Redis that has forgotten it.
    Kind.ACCOUNT: Backoff(base=30, cap=30, reason=Reason.ACCOUNT),
    Kind.TOKEN: Backoff(base=30, cap=30, reason=Reason.ACCOUNT),
    # For urgent messages: somebody may clear the quota. The others wait for its reset.
    Kind.QUOTA: Backoff(base=60, cap=600, reason=Reason.QUOTA),
}


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    reason: Reason = Reason.NONE
    due_at: datetime | None = None


def next_step(
    kind: Kind,
    *,
    attempt: int,
    is_urgent: bool,
    now: datetime,
    expires_at: datetime,
    in_doubt_since: datetime | None,
    retry_after: float | None,
    jitter: Callable[[], float],
) -> Step:
    """`in_doubt_since`: the first attempt, this one included, that WeChat may have accepted."""
    if kind in FINAL:
        refused_now = FINAL[kind] is State.FAILED and in_doubt_since is not None
        # The repetition was refused; the first attempt may have been delivered all the same.
        return Step(State.UNKNOWN if refused_now else FINAL[kind])
    policy = AGAIN[kind]
    if kind is Kind.QUOTA and not is_urgent:
        due_at = quota_reset(now)
    else:
        wait = max(policy.seconds(attempt, jitter()), retry_after or 0)
        due_at = now + timedelta(seconds=wait)
    if in_doubt_since is not None and (
        guard_is_over(in_doubt_since, due_at) or due_at >= expires_at
    ):
        return Step(State.UNKNOWN)
    if due_at >= expires_at:
        return Step(State.EXPIRED)
    return Step(State.QUEUED, policy.reason, due_at)


def guard_is_over(in_doubt_since: datetime, now: datetime) -> bool:
    return now >= in_doubt_since + GUARD


def quota_reset(now: datetime) -> datetime:
    """When a quota that is used up may be there again. A refusal right after midnight is of the day
    before, or WeChat's reset is late: that is looked at again soon, not a day later."""
    midnight = next_midnight_in_china(now)
    if now - (midnight - timedelta(days=1)) < LATE_RESET:
        return now + LATE_RESET / 3
    return midnight


def china_day(now: datetime) -> str:
    return f"{now.astimezone(_CHINA):%Y%m%d}"


def next_midnight_in_china(now: datetime) -> datetime:
    """When WeChat's daily quotas are reset (generally understood, not documented)."""
    local = now.astimezone(_CHINA) + timedelta(days=1)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
