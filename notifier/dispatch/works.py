"""When each of the clock's works last succeeded, told in Redis by whichever clock did it. While
Redis is away nobody knows, and the works go on."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from redis import RedisError

from notifier.dispatch.lanes import redis

KEY = "hongyan:clock-works"
KEPT = timedelta(days=7)
"""After the last of all."""


def begun(name: str, every: float) -> None:
    """It counts from now on, unless it has succeeded before: one that never does is seen, too."""
    with suppress(RedisError):
        redis().hsetnx(KEY, name, _told(every))


def done(name: str, every: float) -> None:
    """`every`: seconds until the next time."""
    with suppress(RedisError):
        redis().hset(KEY, name, _told(every))
        redis().expire(KEY, KEPT)


def forgotten(name: str) -> None:
    """It is switched off."""
    with suppress(RedisError):
        redis().hdel(KEY, name)


def forgotten_but(names: Iterable[str]) -> None:
    """What an earlier version of Hongyan did would only grow older."""
    with suppress(RedisError):
        found: Any = redis().hkeys(KEY)
        if gone := {*found} - {name.encode() for name in names}:
            redis().hdel(KEY, *gone)


def works() -> dict[str, tuple[datetime, float]]:
    """name -> (when it last succeeded, or began to be tried; seconds between two). Raises
    RedisError."""
    told: Any = redis().hgetall(KEY)
    pairs = {name.decode(): value.decode().split() for name, value in told.items()}
    return {
        name: (datetime.fromtimestamp(float(at), UTC), float(every))
        for name, (at, every) in pairs.items()
    }


def _told(every: float) -> str:
    return f"{timezone.now().timestamp()} {every}"
