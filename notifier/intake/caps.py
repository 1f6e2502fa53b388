"""What a template's operator allows one person: no double within a time, so many in a day."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext_noop
from redis import RedisError

from notifier.dispatch.lanes import redis
from notifier.intake.errors import Fault, Rejected
from notifier.models import Message, Recipient
from templates_app.sendable import Sendable

DAY = timedelta(hours=24)
Body = Mapping[str, object]
"""What WeChat gets."""


@contextmanager
def respected(template: Sendable, body: Body, request: str, now: datetime) -> Iterator[None]:
    """Raises Rejected. `request` names the caller's request: its repetition is no double of
    itself. Costs nothing for a template without a cap."""
    found = doubles(template, [(body, request)])
    try:
        if isinstance(found[0], Fault):
            raise Rejected([found[0]])
        with transaction.atomic() if template.daily_cap else nullcontext():
            if template.daily_cap:
                people = Recipient.objects.filter(
                    account_id=template.account_id, openid=body["touser"]
                )
                sent = locked_sent_today(template, people.values_list("pk", flat=True), now)
                if fault := daily_fault(template, sent.total()):
                    raise Rejected([fault])
            yield
    except Exception:  # it is not stored: the next one is no double
        take_back(found)
        raise


def sent_today(template: Sendable, people: Collection[int], now: datetime) -> Counter[int]:
    """Messages of the template to each, if it has a daily cap."""
    if not template.daily_cap or not people:
        return Counter()
    sent = Message.objects.filter(
        recipient__in=people,
        version__template_id=template.template_id,
        created_at__gt=now - DAY,
    )
    counts = sent.order_by().values_list("recipient_id").annotate(Count("pk"))
    return Counter(dict(counts))


def locked_sent_today(template: Sendable, people: Collection[int], now: datetime) -> Counter[int]:
    """The same, and the people's rows are locked: of two requests at once the second counts the
    first."""
    if not template.daily_cap:
        return Counter()
    return sent_today(template, lock_people(people), now)


def lock_people(people: Collection[int]) -> list[int]:
    """In the order of ids, as everybody who locks several. Not against new messages without a cap
    to the same people (`until_commit` in `store.py`)."""
    rows = Recipient.objects.filter(pk__in=people).order_by("pk").select_for_update(no_key=True)
    return list(rows.values_list("pk", flat=True))


def daily_fault(template: Sendable, sent: int) -> Fault | None:
    if not template.daily_cap or sent < template.daily_cap:
        return None
    text = gettext_noop("The person got %(cap)d messages of this template in 24 hours.")
    return Fault("/to", "daily_cap", text, {"cap": template.daily_cap})


@dataclass(frozen=True, slots=True)
class Mark:
    key: str
    value: str


def doubles(template: Sendable, wanted: Sequence[tuple[Body, str]]) -> list[Mark | Fault | None]:
    """For each (body, request) the mark that was made for it, or the fault that it is a double. Of
    two requests at once one makes it. Without Redis nobody is held back."""
    if not template.dedup_seconds:
        return [None for _ in wanted]
    marks = [_mark_of(template, body, request) for body, request in wanted]
    try:
        with redis().pipeline(transaction=False) as pipe:
            for mark in marks:
                pipe.set(mark.key, mark.value, nx=True, ex=template.dedup_seconds)
            made = pipe.execute()
            for mark in (mark for mark, is_made in zip(marks, made, strict=True) if not is_made):
                pipe.get(mark.key)
            holders = iter(pipe.execute())
    except RedisError:
        return [None for _ in wanted]
    return [
        mark if is_made else _verdict(template, mark, request, next(holders))
        for mark, is_made, (_body, request) in zip(marks, made, wanted, strict=True)
    ]


def _verdict(
    template: Sendable, mark: Mark, request: str, holder: bytes | None
) -> Mark | Fault | None:
    if holder is None:  # its time ran out just now
        return None
    if holder.decode() == mark.value:
        return mark  # made by an attempt whose answer was lost
    if request and holder.decode().partition("|")[2] == request:
        return None  # the same in another process: the database decides
    text = gettext_noop("The person got the same text less than %(seconds)d seconds ago.")
    return Fault("/data", "duplicate", text, {"seconds": template.dedup_seconds})


def take_back(found: Sequence[Mark | Fault | None]) -> None:
    for mark in found:
        if isinstance(mark, Mark):
            with suppress(RedisError):
                if redis().get(mark.key) == mark.value.encode():
                    redis().delete(mark.key)


def _mark_of(template: Sendable, body: Body, request: str) -> Mark:
    return Mark(key_of(template, body), f"{body['client_msg_id']}|{request}")


def key_of(template: Sendable, body: Body) -> str:
    """The same for doubles."""
    content = orjson.dumps([template.template_id, body["touser"], body["data"]])
    return f"hongyan:double:{hashlib.sha256(content).hexdigest()}"
