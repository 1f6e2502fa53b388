"""An event as services see it: the body of a webhook, and a row of GET /events."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from notifier.models import ClientEvent, EventType

NEEDED = ("message__version__template", "message__recipient")


def whole(events: QuerySet[ClientEvent]) -> QuerySet[ClientEvent]:
    """With all that `body_of` reads."""
    return events.select_related(*NEEDED).defer("message__payload")


def body_of(event: ClientEvent) -> dict[str, Any]:
    """https://www.standardwebhooks.com: type, timestamp, data. `id` is the header webhook-id, the
    same over all attempts. The state is that of the change, not what became of it since."""
    return {
        "id": event.public_id,
        "type": event.type,
        "timestamp": moment(event.at),
        "data": _data(event),
    }


def _data(event: ClientEvent) -> dict[str, Any]:
    message = event.message
    if message is None:
        return event.about["data"] if event.about else {}
    data = {
        "id": message.id.hex,
        "status": event.state,
        "template": message.version.template.code,
        "to": {"openid": message.openid, "user": message.recipient.user_id or None},
        "test": message.is_test,
        "metadata": message.metadata,
        "errcode": event.errcode or None,
        "reason": event.reason or None,
        "detail": event.detail or None,
        "attempt": event.attempt,
    }
    if event.type == EventType.FALLBACK:
        data |= {"cause": event.reason, "reason": None}
    return data


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
