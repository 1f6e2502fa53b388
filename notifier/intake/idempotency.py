"""Idempotency keys. The database decides (a unique key per client); Redis only tells that a
request with the key is running at this moment, so that a second one need not wait."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import RedisError

from notifier.dispatch.lanes import redis
from notifier.intake.errors import InProgress, KeyReused
from notifier.models import ApiClient, Message

RUNNING_SECONDS = 30


@contextmanager
def running(client: ApiClient | None, key: str | None) -> Iterator[None]:
    """Raises InProgress when another request with the key runs, or ran a moment ago: a message
    that it has made says which. Without Redis nobody is told.

    After a success the mark is left to end by itself: a round trip less for each message.
    """
    if client is None or key is None:
        yield
        return
    mark = f"hongyan:idempotency:{client.pk}:{hashlib.sha256(key.encode()).hexdigest()}"
    try:
        free = redis().set(mark, 1, nx=True, ex=RUNNING_SECONDS)
    except RedisError:
        free = True
    if not free:
        raise InProgress
    try:
        yield
    except BaseException:
        with suppress(RedisError):
            redis().delete(mark)
        raise


def first_message(client: ApiClient | None, key: str | None, digest: str) -> Message | None:
    """The message that the key made; raises KeyReused if it was made by another request."""
    if client is None or key is None:
        return None
    message = (
        Message.objects.select_related("version__template", "recipient")
        .filter(client=client, idempotency_key=key)
        .first()
    )
    if message is not None and message.request_digest != digest:
        raise KeyReused
    return message
