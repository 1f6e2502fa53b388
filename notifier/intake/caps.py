"""What a template's operator allows one person: no double within a time, so many in a day."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.db import transaction
from django.utils.translation import gettext_noop
from redis import RedisError

from notifier.dispatch.lanes import redis
from notifier.intake.errors import Fault, Rejected
from notifier.models import Message, Recipient
from templates_app.sendable import Sendable

DAY = timedelta(hours=24)


@contextmanager
def respected(
    template: Sendable, body: Mapping[str, object], request: str, now: datetime
) -> Iterator[None]:
    """Raises Rejected. `request` names the caller's request: its repetition is no double of
    itself. Costs nothing for a template without a cap."""
    mark = _mark(template, body, request) if template.dedup_seconds else None
    try:
        with transaction.atomic() if template.daily_cap else nullcontext():
            if template.daily_cap and _sent_today(template, body, now) >= template.daily_cap:
                text = gettext_noop("The person got %(cap)d messages of this template in 24 hours.")
                raise Rejected([Fault("/to", "daily_cap", text, {"cap": template.daily_cap})])
            yield
    except Exception:  # it is not stored: the next one is no double
        if mark:
            with suppress(RedisError):
                mark.take_back()
        raise


def _sent_today(template: Sendable, body: Mapping[str, object], now: datetime) -> int:
    """The person's row is locked, so that of two requests at once the second counts the first."""
    people = Recipient.objects.filter(account_id=template.account_id, openid=body["touser"])
    person = people.select_for_update().first()
    sent = Message.objects.filter(
        recipient=person,
        version__template_id=template.template_id,
        created_at__gt=now - DAY,
    )
    return sent.order_by()[: template.daily_cap].count()


@dataclass(frozen=True, slots=True)
class Mark:
    key: str
    value: str

    def take_back(self) -> None:
        if redis().get(self.key) == self.value.encode():
            redis().delete(self.key)


def _mark(template: Sendable, body: Mapping[str, object], request: str) -> Mark | None:
    """Of two requests at once one makes it. Without Redis nobody is held back."""
    content = orjson.dumps([template.template_id, body["touser"], body["data"]])
    key = f"hongyan:double:{hashlib.sha256(content).hexdigest()}"
    mark = Mark(key, f"{body['client_msg_id']}|{request}")
    try:
        if redis().set(key, mark.value, nx=True, ex=template.dedup_seconds):
            return mark
        found = redis().get(key)
        holder, _, of_request = (found.decode() if isinstance(found, bytes) else "").partition("|")
    except RedisError:
        return None
    if holder == body["client_msg_id"]:  # ours: made, and its answer was lost
        return mark
    if request and of_request == request:  # the same in another process: the database decides
        return None
    text = gettext_noop("The person got the same text less than %(seconds)d seconds ago.")
    raise Rejected([Fault("/data", "duplicate", text, {"seconds": template.dedup_seconds})])
