"""The ways beside WeChat: an e-mail to the person, an event to the service that asked."""

from collections.abc import Callable

import orjson
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext_noop

from notifier.models import EventType, FallbackSend, OutboxEntry
from templates_app.card import card_of
from templates_app.models import Fallback


class NoWay(Exception):
    """It cannot work, however often it is tried; the text says what is missing."""


def send_email(row: FallbackSend) -> None:
    """The card's title and lines, as the person would have seen them in WeChat."""
    message = row.message
    if not settings.HAS_MAIL_SERVER:
        raise NoWay(gettext_noop("no mail server is set (EMAIL_URL)"))
    if not message.recipient.email:
        raise NoWay(gettext_noop("the recipient has no e-mail address"))
    sent = orjson.loads(message.payload)
    values = {key: part["value"] for key, part in sent["data"].items()}
    card = card_of(message.version, values, sent.get("url", ""))
    lines = [f"{line.label}: {line.value}" for line in card.rows if not line.hidden]
    EmailMessage(
        subject=message.version.title,
        body="\n".join([*lines, "", sent.get("url", "")]).strip(),
        to=[message.recipient.email],
        headers={"Message-ID": f"<{message.id.hex}@hongyan>"},  # the same over all attempts
    ).send()


def event_for_service(row: FallbackSend) -> OutboxEntry:
    """What asks the service that sent the message to reach the person; it goes the way of all
    events (`notifier/webhooks`)."""
    message = row.message
    endpoints = message.client.endpoints.all() if message.client else ()
    if message.client is None or not endpoints:
        raise NoWay(gettext_noop("the calling service has no webhook"))
    if not any(one.is_active and one.wants(EventType.FALLBACK) for one in endpoints):
        raise NoWay(gettext_noop("no active webhook of the calling service wants fallbacks"))
    return OutboxEntry(
        message=message,
        client=message.client,
        type=EventType.FALLBACK,
        state=message.state,
        at=row.created_at,
        attempt=message.attempts,
        reason=row.cause,
        errcode=message.errcode,
        detail=message.errmsg,
    )


WAYS: dict[str, Callable[[FallbackSend], None]] = {Fallback.EMAIL: send_email}
"""Those that call somebody."""
