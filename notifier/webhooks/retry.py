"""When a delivery is tried again, and when an endpoint is left alone: pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

WAITS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 25_200, 32_400)
"""Seconds after the first, second … attempt: eleven attempts in a day."""
SPREAD = 0.1
LONGEST_ASKED = 3600
"""Seconds: a Retry-After beyond it is not believed."""
LIFETIME = timedelta(hours=24)

FAILURES = 5
"""In a row open the breaker: then one delivery at a time is tried, ever more rarely."""
PAUSES = (10, 20, 40, 80, 160, 320, 600)
OFF_AFTER = timedelta(days=3)


def next_try(tries: int, retry_after: int | None, now: datetime, jitter: float) -> datetime | None:
    """After so many attempts of which the last failed; None: it is given up. `jitter`: 0 to 1."""
    if tries > len(WAITS):
        return None
    wait = WAITS[tries - 1] * (1 - SPREAD + 2 * SPREAD * jitter)
    return now + timedelta(seconds=max(wait, bounded(retry_after)))


def bounded(retry_after: int | None) -> int:
    return min(retry_after or 0, LONGEST_ASKED)


def retry_after_of(header: str | None, now: datetime) -> int | None:
    """Retry-After (RFC 9110 10.2.3) in seconds, of either form; None for what is neither."""
    if not header:
        return None
    if header.strip().isdecimal() and len(header) < 10:
        return int(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, round((moment - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Health:
    """Of an endpoint."""

    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    off_because: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    is_ok: bool
    is_gone: bool = False
    retry_after: int | None = None


def health_after(health: Health, tried: Iterable[Tried], now: datetime) -> Health:
    """One success closes the breaker. A Retry-After is for the endpoint as a whole."""
    for one in tried:
        if one.is_ok:
            health = Health()
            continue
        since = health.failing_since or now
        health = Health(health.failures + 1, since, _pause(health.failures + 1, one, now))
        if one.is_gone:
            return replace(health, off_because="gone")
        if now - since >= OFF_AFTER:
            return replace(health, off_because="failing")
    return health


def _pause(failures: int, tried: Tried, now: datetime) -> datetime | None:
    seconds = bounded(tried.retry_after)
    if failures >= FAILURES:
        seconds = max(seconds, PAUSES[min(failures - FAILURES, len(PAUSES) - 1)])
    return now + timedelta(seconds=seconds) if seconds else None
