"""What a template's operator allows one person: no double within a time, so many in a day."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import orjson
from django.utils.translation import gettext_noop
from redis import RedisError

from notifier.dispatch.lanes import redis
from notifier.intake.errors import Fault
from notifier.models import Message
from notifier.recipients.directory import Known
from templates_app.sendable import Sendable

DAY = timedelta(hours=24)


def faults(
    template: Sendable, recipient: Known, body: Mapping[str, object], now: datetime
) -> list[Fault]:
    """Costs nothing for a template without a cap."""
    if template.daily_cap and _sent_today(template, recipient, now) >= template.daily_cap:
        text = gettext_noop("The person got %(cap)d messages of this template in 24 hours.")
        return [Fault("/to", "daily_cap", text, {"cap": template.daily_cap})]
    if template.dedup_seconds and not _is_first(template, recipient, body):
        text = gettext_noop("The person got the same text less than %(seconds)d seconds ago.")
        return [Fault("/data", "duplicate", text, {"seconds": template.dedup_seconds})]
    return []


def _sent_today(template: Sendable, recipient: Known, now: datetime) -> int:
    sent = Message.objects.filter(
        recipient_id=recipient.pk,
        version__template_id=template.template_id,
        created_at__gt=now - DAY,
    )
    return sent.order_by()[: template.daily_cap].count()


def _is_first(template: Sendable, recipient: Known, body: Mapping[str, object]) -> bool:
    """Of two requests at once one is. Without Redis nobody is held back."""
    try:
        key = _key(template, recipient, body)
        return bool(redis().set(key, 1, nx=True, ex=template.dedup_seconds))
    except RedisError:
        return True


def take_back(template: Sendable, recipient: Known, body: Mapping[str, object]) -> None:
    """The message could not be stored: its repetition is no double."""
    if template.dedup_seconds:
        with suppress(RedisError):
            redis().delete(_key(template, recipient, body))


def _key(template: Sendable, recipient: Known, body: Mapping[str, object]) -> str:
    content = orjson.dumps([template.template_id, recipient.pk, body["data"]])
    return f"hongyan:double:{hashlib.sha256(content).hexdigest()}"
