"""From the outbox into the log of events, and from there to the endpoints that want them.

One at a time may append, so that the log's ids ascend in the order of commits; and only what is
committed is moved, so that a reader who goes on after an id misses nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, close_old_connections, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from notifier.models import (
    ApiClient,
    ClientEvent,
    EventLog,
    EventType,
    Message,
    OutboxEntry,
    WebhookDelivery,
    WebhookEndpoint,
)

log = logging.getLogger(__name__)

SLICE = 1000
_SAME = (
    *("type", "state", "at", "attempt", "reason", "errcode", "detail", "about"),
    *("message_id", "client_id"),
)


@contextmanager
def appending() -> Iterator[EventLog]:
    """A transaction in which nobody else appends or prunes."""
    with transaction.atomic():
        log, _made = EventLog.objects.select_for_update().get_or_create(pk=1)
        yield log


def relay() -> bool:
    """One slice; True: there may be more. Two clocks do no harm: the second waits for the lock and
    finds the rows gone."""
    close_old_connections()
    if not OutboxEntry.objects.exists():
        return False
    try:
        return _move() == SLICE
    except IntegrityError:
        if not _drop_orphans():
            raise
        return True


def _move() -> int:
    with appending():
        rows = list(OutboxEntry.objects.order_by("pk")[:SLICE])
        append([{name: getattr(row, name) for name in _SAME} for row in rows], timezone.now())
        OutboxEntry.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _drop_orphans() -> int:
    """The outbox has no constraints. A change of a message that somebody removed by SQL would keep
    all changes after it from being told."""
    message = Message.objects.filter(pk=OuterRef("message"))
    client = ApiClient.objects.filter(pk=OuterRef("client"))
    is_gone = ~Exists(client) | Q(message__isnull=False) & ~Exists(message)
    found, _ = OutboxEntry.objects.filter(is_gone).delete()
    if found:
        log.warning("%d changes are told to nobody: their messages or services are gone", found)
    return found


def append(changes: Iterable[dict[str, object]], now: datetime) -> list[ClientEvent]:
    """Under `appending`. Each event is due at once at every active endpoint that wants it."""
    events = [ClientEvent(created_at=now, **change) for change in changes]
    ClientEvent.objects.bulk_create(events)
    clients = {event.client_id for event in events}
    wanted = defaultdict[int, list[WebhookEndpoint]](list)
    for endpoint in WebhookEndpoint.objects.filter(client__in=clients, is_active=True):
        wanted[endpoint.client_id].append(endpoint)
    limited = {pk for pk, ones in wanted.items() if any(one.is_limited for one in ones)}
    messages = _messages([event for event in events if event.client_id in limited])
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(event=event, endpoint=endpoint, due_at=now)
        for event in events
        for endpoint in wanted[event.client_id]
        if endpoint.wants(event.type) and _may_be_told(endpoint, event, messages)
    )
    return events


def _messages(events: Sequence[ClientEvent]) -> dict[UUID | None, Sequence[Any]]:
    """What decides who may be told: test, account, template."""
    if not events:
        return {}
    rows = Message.objects.filter(pk__in={event.message_id for event in events}).order_by()
    names = ("pk", "is_test", "account_id", "version__template_id")
    return {pk: told for pk, *told in rows.values_list(*names)}


def _may_be_told(
    endpoint: WebhookEndpoint, event: ClientEvent, messages: dict[UUID | None, Sequence[Any]]
) -> bool:
    if not endpoint.is_limited:
        return True
    if event.about is not None:
        return endpoint.allowance.reaches_all(event.about["account"], event.about["templates"])
    message = messages.get(event.message_id)
    return message is not None and endpoint.allowance.reaches(*message)


def ping(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A test event to this endpoint alone, whatever it wants."""
    now = timezone.now()
    with appending():
        event = ClientEvent.objects.create(
            type=EventType.PING, at=now, created_at=now, client_id=endpoint.client_id
        )
        return WebhookDelivery.objects.create(event=event, endpoint=endpoint, due_at=now)


def prune() -> bool:
    """One slice of events that are older than is kept, with their deliveries; True: there may be
    more."""
    close_old_connections()
    limit = timezone.now() - timedelta(days=settings.EVENT_KEEP_DAYS)
    with appending() as log:
        oldest = ClientEvent.objects.order_by("pk").values_list("pk", "created_at")[:SLICE]
        over = [pk for pk, created_at in oldest if created_at < limit]
        if not over:
            return False
        WebhookDelivery.objects.filter(event__in=over).delete()
        ClientEvent.objects.filter(pk__in=over).delete()
        log.pruned_through = over[-1]
        log.save()
    return len(over) == SLICE
