"""How many messages a key may send: counted in Redis, in a sliding window, each message of a batch.

While Redis is away nothing is counted and nobody is refused: a message matters more.
"""

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import ConnectionPool, RedisError

from notifier.models import ApiKey

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """One limit of a key: `left` of `most`, and seconds until it has recovered."""

    name: str
    most: int
    window: int
    left: int
    seconds: int


class TooMany(Exception):
    """`fits`: false if so many never do."""

    def __init__(self, standing: Standing, standings: list[Standing], *, fits: bool) -> None:
        super().__init__(standing.name)
        self.standing, self.standings, self.fits = standing, standings, fits


def spend(key: ApiKey, count: int = 1) -> list[Standing]:
    """Counts so many messages; the key's limits after them. Raises TooMany: none may be sent."""
    try:
        for name, item in _limits(key):
            if not _limiter().hit(item, str(key.pk), cost=count):
                raise TooMany(_standing(key, name, item), standings(key), fits=count <= item.amount)
        return standings(key)
    except RedisError as error:
        log.warning("redis is away (%s): a key's messages are not counted", type(error).__name__)
        return []


def standings(key: ApiKey) -> list[Standing]:
    return [_standing(key, name, item) for name, item in _limits(key)]


def _limits(key: ApiKey) -> Iterator[tuple[str, RateLimitItem]]:
    if key.per_minute:
        yield "minute", RateLimitItemPerMinute(key.per_minute)
    if key.per_day:
        yield "day", RateLimitItemPerDay(key.per_day)


def _standing(key: ApiKey, name: str, item: RateLimitItem) -> Standing:
    resets_at, left = _limiter().get_window_stats(item, str(key.pk))
    seconds = max(1, math.ceil(resets_at - time.time()))
    return Standing(name, item.amount, item.get_expiry(), left, seconds)


@lru_cache(maxsize=1)
def _limiter() -> SlidingWindowCounterRateLimiter:
    pool = ConnectionPool.from_url(settings.REDIS_URL, **settings.REDIS_PATIENCE)
    return SlidingWindowCounterRateLimiter(
        RedisStorage("redis://", connection_pool=pool, key_prefix="hongyan:key")
    )
