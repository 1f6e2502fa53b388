"""The same text to the same person once more, as a message of its own."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.conf import settings

from notifier.dispatch.lanes import Lane
from notifier.dispatch.repair import Fate
from notifier.dispatch.waker import wake_soon
from notifier.intake.accept import sendable_or_reject
from notifier.intake.errors import Rejected
from notifier.intake.store import store
from notifier.models import Message, Priority, State
from notifier.models.ids import new_message_id

NEVER_ARRIVED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED, State.UNDELIVERED})
ORIGINAL = "resend_of"
"""In the new message's metadata: the id of the first."""


@dataclass(slots=True)
class Resent:
    fates: Counter[Fate] = field(default_factory=Counter)
    made: list[UUID] = field(default_factory=list)


def fate_of_resend(message: Message) -> Fate:
    if message.state in (State.QUEUED, State.SENDING):
        return Fate.ON_ITS_WAY
    arrived = message.state not in NEVER_ARRIVED or message.in_doubt_since
    return Fate.RISKY if arrived or hasattr(message, "fallback") else Fate.GOES


def resend(ids: Iterable[UUID], by: str, now: datetime, with_risk: bool = False) -> Resent:
    """`with_risk`: those, too, that the person may have got already."""
    done = Resent()
    wanted = {Fate.GOES, Fate.RISKY} if with_risk else {Fate.GOES}
    rows = Message.objects.filter(pk__in=list(ids)).order_by("pk")
    for message in rows.select_related("fallback", "version__template").iterator(500):
        fate = fate_of_resend(message)
        if fate in wanted and not _store_copy(message, by, now, done.made):
            fate = Fate.REFUSED
        done.fates[fate] += 1
    return done


def _store_copy(message: Message, by: str, now: datetime, made: list[UUID]) -> bool:
    """The rendered values stay as they were; the checks of today decide."""
    try:
        template = sendable_or_reject(message.version.template.code)
    except Rejected:
        return False
    new_id = new_message_id()
    body = orjson.loads(message.payload) | {"client_msg_id": new_id.hex}
    copy = Message(
        id=new_id,
        account_id=message.account_id,
        version_id=message.version_id,
        client_id=message.client_id,
        requested_by=by,
        openid=message.openid,
        priority=message.priority,
        payload=orjson.dumps(body).decode(),
        metadata={**message.metadata, ORIGINAL: message.id.hex},
        created_at=now,
        due_at=now,
        expires_at=now + timedelta(seconds=settings.MESSAGE_LIFETIME_SECONDS),
    )
    if not store(copy, template.template_id):
        return False
    made.append(new_id)
    wake_soon(Lane(copy.account_id, Priority(copy.priority)))
    return True
