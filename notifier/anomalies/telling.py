"""Who hears of an anomaly: people by e-mail, services by an event, in the transaction that raises
or ends it. An e-mail is only owed here; `mail.py` sends it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation

from notifier.anomalies.words import in_words
from notifier.models import Anomaly, EventType, OutboxEntry, WebhookEndpoint
from templates_app.models import MessageTemplate


def tell(one: Anomaly, event: EventType, now: datetime, *, by_mail: bool = True) -> None:
    """Sets what the caller stores."""
    if by_mail and settings.ANOMALY_EMAILS and settings.HAS_MAIL_SERVER:
        one.mail_due, one.mail_tries = now, 0
    about = {"account": one.account_id, "templates": one.told_of, "data": data_of(one)}
    OutboxEntry.objects.bulk_create(
        OutboxEntry(client_id=client, type=event, at=now, about=about)
        for client in sorted(_clients(one, event))
    )


def _clients(one: Anomaly, event: EventType) -> set[int]:
    """Those with an endpoint that wants to hear of it and may: of the account and all templates
    that are told of."""
    endpoints = WebhookEndpoint.objects.filter(is_active=True, client__is_active=True)
    return {
        endpoint.client_id
        for endpoint in endpoints.defer("secret", "previous_secret")
        if endpoint.wants(event) and endpoint.allowance.reaches_all(one.account_id, one.told_of)
    }


def data_of(one: Anomaly) -> dict[str, Any]:
    """As services get it. `text` is for people, in English."""
    codes = MessageTemplate.objects.filter(pk__in=one.told_of).values_list("code", flat=True)
    with translation.override("en"):
        text = in_words(one)
    return {
        "id": str(one.pk),
        "account": one.account.slug,
        "templates": sorted(codes),
        "measure": one.measure,
        "value": one.value,
        "worst": one.worst,
        "usual": one.usual,
        "limit": one.limit,
        "messages": one.count,
        "is_sample": one.facts.get("is_sample", False),
        "began_at": one.begun_at.isoformat(timespec="seconds"),
        "ended_at": one.ended_at.isoformat(timespec="seconds") if one.ended_at else None,
        "ended_because": one.ended_because or None,
        "part_of": str(one.part_of_id) if one.part_of_id else None,
        "text": text,
    }
