"""Webhook endpoints and deliveries as JSON values."""

from datetime import datetime
from typing import Any

from notifier.models import WebhookDelivery, WebhookEndpoint
from notifier.webhooks.payload import moment
from notifier.webhooks.problems import PROBLEMS

Json = dict[str, Any]


def as_endpoint(endpoint: WebhookEndpoint) -> Json:
    """Without its secret."""
    return {
        "id": endpoint.pk.hex,
        "url": endpoint.url,
        "types": endpoint.types,
        "description": endpoint.description,
        "active": endpoint.is_active,
        "test": endpoint.is_test,
        "off_because": endpoint.off_because or None,
        "failures_in_a_row": endpoint.failures,
        "failing_since": _time(endpoint.failing_since),
        "paused_until": _time(endpoint.paused_until),
        "previous_secret_until": _time(endpoint.previous_until),
        "created_at": _time(endpoint.created_at),
    }


def as_delivery(delivery: WebhookDelivery) -> Json:
    event = delivery.event
    return {
        "id": str(delivery.pk),
        "endpoint_id": delivery.endpoint_id.hex,
        "event_id": event.public_id,
        "type": event.type,
        "message_id": event.message_id and event.message_id.hex,
        "outcome": delivery.outcome,
        "next_attempt_at": _time(delivery.due_at),
        "finished_at": _time(delivery.finished_at),
        "created_at": _time(event.created_at),
        "attempts": [_attempt(entry) for entry in delivery.log],
    }


def _attempt(entry: Json) -> Json:
    problem = entry["problem"]
    return {
        "at": entry["at"],
        "status": entry.get("status"),
        "duration_ms": entry.get("ms"),
        "problem": problem or None,
        "detail": PROBLEMS.get(problem),
        "answer": entry.get("answer") or None,
    }


def _time(at: datetime | None) -> str | None:
    return moment(at) if at else None
