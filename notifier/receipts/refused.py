"""The latest push to an account's address that was refused: nobody else would hear of a wrong
callback token. Anybody can post there, so it is one value an account, and no row."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from redis import RedisError

from notifier.dispatch.lanes import redis

KEEP_SECONDS = 7 * 24 * 3600
SIGNATURE = "signature"
"""The reason where the signature is wrong; others are the texts of BadPush."""


def note_refused(account_id: int, reason: str, now: datetime) -> None:
    with suppress(RedisError):
        redis().set(_key(account_id), f"{now.timestamp()} {reason}", ex=KEEP_SECONDS)


def last_refused(account_id: int) -> tuple[datetime, str] | None:
    """When, and why. None: none in a week."""
    stored: Any = redis().get(_key(account_id))
    if stored is None:
        return None
    at, _, reason = stored.decode().partition(" ")
    return datetime.fromtimestamp(float(at), UTC), reason


def _key(account_id: int) -> str:
    return f"hongyan:refused-push:{account_id}"
