"""Deliveries that are due become this process's for a while, and get their results."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from notifier import metrics
from notifier.acting import SYSTEM, acting
from notifier.models import ClientEvent, Outcome, WebhookDelivery, WebhookEndpoint
from notifier.tracing import NONE, Attributes, Context
from notifier.webhooks.payload import NEEDED, body_of
from notifier.webhooks.post import Parcel, Result
from notifier.webhooks.retry import FAILURES, LIFETIME, Health, Tried, health_after, next_try

LEASE = timedelta(seconds=60)
"""With the time-out of a call longer than a run may take, its last call included."""
LOG_LENGTH = 20
BATCH = 1000
_MOVED = ("outcome", "due_at", "tries", "finished_at", "log")


@dataclass(slots=True)
class Run:
    """Some of an endpoint's deliveries, posted one after the other. `lease`: until when they are
    ours; it stands in their due_at, and is the fence of the results."""

    endpoint_id: UUID
    url: str
    secrets: Sequence[str]
    lease: datetime
    deliveries: list[WebhookDelivery]
    parcels: list[Parcel]
    results: list[Result] = field(default_factory=list)
    is_over: bool = False
    """No more results come."""
    is_applied: bool = False
    """They stand in the deliveries, which the database may still have to be told."""


def with_due(now: datetime) -> QuerySet[WebhookEndpoint]:
    """Active endpoints whose breaker lets something through and that have something due; a look
    into the index for each."""
    due = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), due_at__lte=now)
    first = Subquery(due.order_by("due_at", "id").values("due_at")[:1])
    open_ones = WebhookEndpoint.objects.filter(
        Q(paused_until=None) | Q(paused_until__lte=now), is_active=True
    )
    found = open_ones.annotate(oldest=first).filter(oldest__isnull=False)
    return found.select_related("client").order_by("oldest")


def take(endpoint: WebhookEndpoint, size: int, now: datetime) -> Run | None:
    lease = now + LEASE + timedelta(seconds=settings.WEBHOOK_TIMEOUT)
    with transaction.atomic():
        due = WebhookDelivery.objects.filter(endpoint=endpoint, due_at__lte=now)
        locked = due.order_by("due_at", "id").select_for_update(skip_locked=True)
        ids = list(locked.values_list("pk", flat=True)[:size])
        WebhookDelivery.objects.filter(pk__in=ids).update(due_at=lease)
    if not ids:
        return None
    rows = WebhookDelivery.objects.filter(pk__in=ids).order_by("id")
    rows = rows.select_related("event", *(f"event__{name}" for name in NEEDED))
    deliveries = list(rows.defer("event__message__payload"))
    parcels = [
        Parcel(
            one.pk,
            one.event.public_id,
            msgspec.json.encode(body_of(one.event)),
            _trace_of(one.event, endpoint),
            _attributes(one, endpoint),
        )
        for one in deliveries
    ]
    secrets = endpoint.secrets_at(now)
    return Run(endpoint.pk, endpoint.url, secrets, lease, deliveries, parcels)


def _attributes(one: WebhookDelivery, endpoint: WebhookEndpoint) -> Attributes:
    about = {"hongyan.message_id": one.event.message_id.hex} if one.event.message_id else {}
    return {
        **about,
        "hongyan.endpoint_id": endpoint.pk.hex,
        "hongyan.event_type": one.event.type,
        "hongyan.attempt": one.tries + 1,
    }


def _trace_of(event: ClientEvent, endpoint: WebhookEndpoint) -> Context:
    """What the caller put into its baggage is for nobody else's endpoint."""
    message = event.message
    if message is None:
        return NONE
    is_its_own = message.client_id == endpoint.client_id
    return Context(message.traceparent, message.baggage if is_its_own else "")


def settle(run: Run, now: datetime, jitter: float) -> None:
    """What was not posted is due again at once. Of a delivery that another took meanwhile, the
    result is not stored: it is posted twice, under the same event id."""
    if not run.is_applied:
        _apply_all(run, now, jitter)
    tried = [Tried(not one.problem, one.problem == "gone", one.retry_after) for one in run.results]
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=run.endpoint_id).first()
        if endpoint is None:  # deleted, and its deliveries with it
            return
        held = WebhookDelivery.objects.filter(due_at=run.lease)
        held.bulk_update(run.deliveries, _MOVED)
        before = Health(endpoint.failures, endpoint.failing_since, endpoint.paused_until)
        after = health_after(before, tried, now)
        if after != before:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
                failures=after.failures,
                failing_since=after.failing_since,
                paused_until=after.paused_until,
            )
    if after.off_because and endpoint.is_active:
        _switch_off(run.endpoint_id, after.off_because)
    for result in run.results:
        metrics.webhook_attempts.labels(result.problem or "taken").inc()
    taken = [
        (now - delivery.event.created_at).total_seconds()
        for delivery, result in zip(run.deliveries, run.results, strict=False)
        if not result.problem
    ]
    if taken:
        metrics.webhook_seconds.labels(run.endpoint_id.hex).observe_many(taken)


def _apply_all(run: Run, now: datetime, jitter: float) -> None:
    for place, delivery in enumerate(run.deliveries):
        if place < len(run.results):
            _apply(delivery, run.results[place], now, jitter)
        else:
            delivery.due_at = now
    run.is_applied = True


def _apply(delivery: WebhookDelivery, result: Result, now: datetime, jitter: float) -> None:
    delivery.tries += 1
    entry = {
        "at": now.isoformat(timespec="milliseconds"),
        "ms": round(result.seconds * 1000),
        "status": result.status,
        "problem": result.problem,
        "answer": result.answer,
    }
    delivery.log = [*delivery.log, entry][-LOG_LENGTH:]
    if not result.problem:
        delivery.outcome, delivery.due_at = Outcome.DELIVERED, None
    else:
        is_over = result.problem == "gone"
        delivery.due_at = (
            None if is_over else next_try(delivery.tries, result.retry_after, now, jitter)
        )
        if delivery.due_at is None:
            delivery.outcome = Outcome.FAILED
    delivery.finished_at = now if delivery.due_at is None else None


def _switch_off(endpoint_id: UUID, because: str) -> None:
    """Recorded: operators must be able to look up why services hear nothing. Its deliveries stay
    due, and go on when it is switched on."""
    with acting(lambda: SYSTEM):
        for endpoint in WebhookEndpoint.objects.filter(pk=endpoint_id, is_active=True):
            endpoint.is_active, endpoint.off_because = False, because
            endpoint.save(update_fields=["is_active", "off_because"])


def give_up_old(endpoint_ids: Collection[UUID], now: datetime) -> bool:
    """Those behind an open breaker that have not had their turn for a day. True: there may be
    more."""
    entry = {"at": now.isoformat(timespec="milliseconds"), "problem": "too_old"}
    old = WebhookDelivery.objects.filter(endpoint__in=endpoint_ids, due_at__lt=now - LIFETIME)
    with transaction.atomic():
        rows = list(old.select_for_update(skip_locked=True).order_by("due_at")[:BATCH])
        for row in rows:
            row.outcome, row.due_at, row.finished_at = Outcome.FAILED, None, now
            row.log = [*row.log, entry][-LOG_LENGTH:]
        WebhookDelivery.objects.bulk_update(rows, _MOVED)
    if rows:
        metrics.webhook_attempts.labels("too_old").inc(len(rows))
    return len(rows) == BATCH


def failing() -> list[UUID]:
    """Active endpoints whose breaker is open."""
    found = WebhookEndpoint.objects.filter(is_active=True, failures__gte=FAILURES)
    return list(found.values_list("pk", flat=True))
