"""Idempotency keys. The database decides: a key is unique for each client.

That a request with the key is running at this moment is told within one process only; another
process waits at the unique index for the first one's commit, and then gives the first answer.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from notifier.intake.errors import InProgress, KeyReused
from notifier.models import ApiClient, Message

_running: set[tuple[int, str]] = set()
_lock = threading.Lock()


@contextmanager
def running(client: ApiClient | None, key: str | None) -> Iterator[None]:
    """Raises InProgress when another request of this process has the key."""
    if client is None or key is None:
        yield
        return
    mark = (client.pk, key)
    with _lock:
        if mark in _running:
            raise InProgress
        _running.add(mark)
    try:
        yield
    finally:
        with _lock:
            _running.discard(mark)


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
