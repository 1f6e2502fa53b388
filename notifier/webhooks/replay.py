"""Sending again: what was given up, what was told and got lost there, what came while the endpoint
was off. The event's id stays, so a service that has it already can tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from notifier.models import ClientEvent, EventType, Outcome, WebhookDelivery, WebhookEndpoint
from notifier.models.events import first_event_at

SLICE = 1000
MOST = 20_000
"""Events of one call: seven days of a busy client would outlast the request."""
MISSED = "missed"
"""Given up, or never tried since the endpoint was off or did not want it."""
WHICH = (MISSED, *(one.value for one in (Outcome.FAILED, Outcome.DELIVERED)), "all")


@dataclass(frozen=True, slots=True)
class Range:
    """Events of the endpoint's client from `since` (included) to `until` (not)."""

    since: datetime
    until: datetime
    types: tuple[str, ...] = ()
    which: str = MISSED


def replay(deliveries: Iterable[int]) -> int:
    """Those of these that do not wait anyhow are due at once, with all their attempts. Returns how
    many."""
    finished = WebhookDelivery.objects.filter(pk__in=list(deliveries), due_at=None)
    return finished.update(
        outcome=Outcome.WAITING, due_at=timezone.now(), tries=0, finished_at=None
    )


class Replayed(NamedTuple):
    """How many `events` are sent again; `next_since`: with it in place of `since` the next call
    goes on; None: that was all."""

    events: int
    next_since: datetime | None


def replay_range(endpoint: WebhookEndpoint, wanted: Range) -> Replayed:
    """The oldest MOST of them."""
    count, looked_at = 0, 0
    after, end = first_event_at(wanted.since) - 1, first_event_at(wanted.until)
    while chunk := _chunk(endpoint, wanted, after, end):
        if looked_at >= MOST:
            return Replayed(count, ClientEvent.objects.get(pk=chunk[0]).created_at)
        count += _send(endpoint, chunk)
        looked_at += len(chunk)
        after = chunk[-1]
    return Replayed(count, None)


def _chunk(endpoint: WebhookEndpoint, wanted: Range, after: int, end: int) -> list[int]:
    own = ClientEvent.objects.filter(client_id=endpoint.client_id, pk__gt=after, pk__lt=end)
    own = own.exclude(type=EventType.PING)
    own = endpoint.allowance.among(own, "message__account", "message__version__template")
    if endpoint.is_test:
        own = own.filter(message__is_test=True)
    types = wanted.types or tuple(endpoint.types)
    if types:
        own = own.filter(type__in=types)
    return list(
        _which(own, endpoint, wanted.which).order_by("pk").values_list("pk", flat=True)[:SLICE]
    )


def _which(
    events: QuerySet[ClientEvent], endpoint: WebhookEndpoint, which: str
) -> QuerySet[ClientEvent]:
    own = WebhookDelivery.objects.filter(event=OuterRef("pk"), endpoint=endpoint)
    if which == MISSED:
        return events.exclude(Exists(own.exclude(outcome=Outcome.FAILED)))
    if which == "all":
        return events.exclude(Exists(own.filter(outcome=Outcome.WAITING)))
    return events.filter(Exists(own.filter(outcome=which)))


def _send(endpoint: WebhookEndpoint, events: list[int]) -> int:
    now = timezone.now()
    with transaction.atomic():
        known = WebhookDelivery.objects.filter(endpoint=endpoint, event__in=events)
        has = set(known.values_list("event", flat=True))
        WebhookDelivery.objects.bulk_create(
            [
                WebhookDelivery(event_id=event, endpoint=endpoint, due_at=now)
                for event in events
                if event not in has
            ],
            ignore_conflicts=True,  # two who replay at once
        )
        again = replay(known.filter(due_at=None).values_list("pk", flat=True))
    return again + len(events) - len(has)
