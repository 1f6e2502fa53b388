"""The latest pushes to an account's address that were refused: nobody else would hear of a wrong
callback token. Anybody can post there, so they are a short list an account, and no rows."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from redis import RedisError

from notifier.dispatch.lanes import redis

MOST = 20
KEEP_SECONDS = 7 * 24 * 3600
SIGNATURE = "signature"
"""The reason where the signature is wrong; others are the texts of BadPush."""


def note_refused(account_id: int, reason: str, now: datetime) -> None:
    with suppress(RedisError):
        together = redis().pipeline()
        together.lpush(_key(account_id), f"{now.timestamp()} {reason}")
        together.ltrim(_key(account_id), 0, MOST - 1)
        together.expire(_key(account_id), KEEP_SECONDS)
        together.execute()


def last_refused(account_id: int) -> Iterator[tuple[datetime, str]]:
    """When, and why; the newest first. Raises RedisError."""
    stored: Any = redis().lrange(_key(account_id), 0, -1)
    for one in stored:
        at, _, reason = one.decode().partition(" ")
        yield datetime.fromtimestamp(float(at), UTC), reason


def _key(account_id: int) -> str:
    return f"hongyan:refused-pushes:{account_id}"
