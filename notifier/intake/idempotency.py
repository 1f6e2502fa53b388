"""Idempotency keys. The database decides: a key is unique for each client.

That a request with the key is running at this moment is told within one process only; another
process waits at the unique index for the first one's commit, and then gives the first answer.

Rows are looked up by their keys alone, for which there is one index, and only by it. While
PostgreSQL's statistics do not know a service yet, it takes its messages for a handful, and would
read all of them for each batch; while there are none, it takes a batch's keys for those of half of
all messages, and would read every one.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from notifier.dispatch import sql
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
    message = earlier_message(client, key)
    if message is not None and message.request_digest != digest:
        raise KeyReused
    return message


def earlier_message(client: ApiClient | None, key: str | None) -> Message | None:
    """The message that the key made, whichever request it was."""
    found = earlier_messages(client, [key]).get(key) if key else None
    if found is None:
        return None
    known = Message.objects.select_related("version__template", "recipient")
    return known.filter(pk=found[0]).first()


def earlier_messages(
    client: ApiClient | None, keys: Collection[str]
) -> dict[str, tuple[UUID, str]]:
    """Key -> the message it made, and the digest of that request."""
    if client is None or not keys:
        return {}
    made = Message.objects.filter(idempotency_key__among=keys).order_by()
    named = made.values_list("client_id", "idempotency_key", "pk", "request_digest")
    with transaction.atomic():
        sql.avoid("seqscan")
        return {key: (pk, digest) for owner, key, pk, digest in named if key and owner == client.pk}
