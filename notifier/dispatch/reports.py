"""What a batch of answers says about the account: pure, from attempts to the gate's report."""

from collections.abc import Iterable

from notifier.dispatch.gate import Report
from notifier.dispatch.send import Attempt
from notifier.wechat.errors import Kind

WORKS = frozenset({Kind.OK, Kind.RECIPIENT, Kind.TEMPLATE, Kind.REQUEST, Kind.UNKNOWN_CODE})
"""WeChat took the token and judged the message: the account works."""
STOPPED = frozenset({Kind.ACCOUNT, Kind.TOKEN})
BUSY, MINUTE_FULL = -1, 45011
BURST = 5
"""A single -1 is WeChat's own trouble; so many at once say that it gets too much."""


def report_of(attempts: Iterable[Attempt]) -> Report:
    """In the order in which they came: a success ends the row of failures before it."""
    succeeded_from = sent_from = 0.0
    failures, cause, busy = 0, "", 0
    minute_is_full = quota = False
    for one in attempts:
        if one.kind in WORKS:
            failures = 0
            succeeded_from = max(succeeded_from, one.began)
            sent_from = max(sent_from, one.began * (one.kind is Kind.OK))
        elif one.kind in STOPPED:
            cause = f"errcode {one.errcode}: {one.detail}"
        elif one.kind is not None:
            failures += is_system_failure(one)
        busy += one.errcode == BUSY and not one.is_echo
        minute_is_full |= one.errcode == MINUTE_FULL
        quota |= one.kind is Kind.QUOTA
    return Report(
        succeeded_from,
        sent_from,
        failures=failures,
        cause=cause,
        is_slow=minute_is_full or busy >= BURST,
        minute_is_full=minute_is_full,
        quota_is_used_up=quota,
    )


def is_system_failure(attempt: Attempt) -> bool:
    """Nothing came back, or WeChat's own "system error"."""
    if attempt.kind is None or attempt.is_echo:
        return False
    return attempt.kind is Kind.AMBIGUOUS or attempt.errcode in (None, BUSY)
