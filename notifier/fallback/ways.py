"""The ways beside WeChat: an e-mail to the person, a webhook to the service that asked."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from functools import lru_cache

import orjson
import requests
from django.conf import settings
from django.core.mail import EmailMessage

from notifier.models import FallbackSend
from templates_app.card import card_of
from templates_app.models import Fallback


class NoWay(Exception):
    """It cannot work, however often it is tried; the text says what is missing."""


def send_email(row: FallbackSend) -> None:
    """The card's title and lines, as the person would have seen them in WeChat."""
    message = row.message
    if not settings.HAS_MAIL_SERVER:
        raise NoWay("no mail server is set (EMAIL_URL)")
    if not message.recipient.email:
        raise NoWay("the recipient has no e-mail address")
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


def call_webhook(row: FallbackSend) -> None:
    """POST to the service, signed as https://www.standardwebhooks.com describes."""
    client = row.message.client
    if client is None or not client.webhook_url:
        raise NoWay("the calling service has no webhook")
    if not client.webhook_secret:
        raise NoWay("the webhook has no secret to sign with")
    body = orjson.dumps(_event(row))
    event_id, timestamp = f"fallback_{row.message.id.hex}", str(int(time.time()))
    signed = b".".join([event_id.encode(), timestamp.encode(), body])
    key = base64.b64decode(client.webhook_secret.removeprefix("whsec_"))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    answer = _session().post(
        client.webhook_url,
        data=body,
        headers={
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        },
        timeout=(3, settings.WEBHOOK_TIMEOUT),
        allow_redirects=False,
    )
    if not answer.ok:
        raise OSError(f"HTTP {answer.status_code}")


def _event(row: FallbackSend) -> dict[str, object]:
    message = row.message
    return {
        "type": "message.fallback",
        "timestamp": row.created_at.isoformat(),
        "data": {
            "id": message.id.hex,
            "status": message.state,
            "cause": row.cause,
            "template": message.version.template.code,
            "to": {"openid": message.openid, "user": message.recipient.user_id or None},
            "errcode": message.errcode,
            "metadata": message.metadata,
        },
    }


@lru_cache(maxsize=1)
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


WAYS: dict[str, Callable[[FallbackSend], None]] = {
    Fallback.EMAIL: send_email,
    Fallback.WEBHOOK: call_webhook,
}
