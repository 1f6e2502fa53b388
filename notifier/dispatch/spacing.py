"""How soon the same person may get the next message: a key in Redis for each person who waits.

WeChat refuses too many messages to one OpenID (43117) and does not say how many that is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from redis import RedisError

from notifier.dispatch.claim import Claimed
from notifier.dispatch.lanes import redis
from notifier.dispatch.scripts import script
from notifier.dispatch.send import Attempt, Wait
from notifier.models import Reason
from notifier.wechat.errors import Kind

TOO_OFTEN = 43117
ARRIVED = frozenset({Kind.OK, Kind.AMBIGUOUS})
"""Perhaps."""
REST_SECONDS = 3600
"""After a 43117; community reports speak of an hour or more."""


def part(
    batch: Sequence[Claimed], seconds: int, now: datetime
) -> tuple[list[Claimed], list[tuple[Claimed, Wait]]]:
    """(what may go now, what must wait). `seconds`: between two messages to a person; 0: only
    those wait whom WeChat wants left alone."""
    if not batch:
        return [], []
    try:
        left = _reserve(batch, seconds) if seconds else _resting(batch)
    except RedisError:  # the spacing is a courtesy; the messages are not
        return list(batch), []
    ready, waits = [], []
    for claimed, milliseconds in zip(batch, left, strict=True):
        if milliseconds <= 0:
            ready.append(claimed)
        else:
            until = now + timedelta(milliseconds=milliseconds)
            waits.append((claimed, Wait(Reason.SPACING, until)))
    return ready, waits


def note(attempts: Sequence[Attempt], seconds: int) -> None:
    """The time begins when a person gets a message, not when it took its turn: it may have waited
    for its call. And whom WeChat says to get too many gets nothing for an hour. Raises RedisError.
    """
    got = [one.claimed for one in attempts if seconds and one.kind in ARRIVED]
    tired = [one.claimed for one in attempts if one.errcode == TOO_OFTEN]
    if not (got or tired):
        return
    with redis().pipeline(transaction=False) as pipe:
        for claimed in got:
            args: list[str | int] = [claimed.id.hex, seconds]
            script("turn")(keys=[_key(claimed.recipient_id)], args=args, client=pipe)
        for claimed in tired:
            pipe.set(_key(claimed.recipient_id), 1, ex=REST_SECONDS)
        pipe.execute()


def _resting(batch: Sequence[Claimed]) -> list[int]:
    keys = [_key(claimed.recipient_id) for claimed in batch]
    found = redis().mget(keys)
    if not any(found):
        return [0] * len(batch)
    return [redis().pttl(key) if value else 0 for key, value in zip(keys, found, strict=True)]


def _reserve(batch: Sequence[Claimed], seconds: int) -> list[int]:
    """Atomic: of two workers one gets the person's turn."""
    with redis().pipeline(transaction=False) as pipe:
        for claimed in batch:
            key, message = _key(claimed.recipient_id), claimed.id.hex
            pipe.set(key, message, nx=True, ex=seconds)
            pipe.get(key)
            pipe.pttl(key)
        answers = pipe.execute()
    holders = zip(batch, answers[1::3], answers[2::3], strict=True)
    return [
        # A retry has its turn already. One that ended just now (-2) must be taken, too.
        0 if holder == claimed.id.hex.encode() else max(left, 1)
        for claimed, holder, left in holders
    ]


def _key(recipient_id: int) -> str:
    return f"hongyan:spacing:{recipient_id}"
