"""The same text to the same person once more, as a message of its own."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.conf import settings

from notifier.dispatch.repair import Fate, is_erased
from notifier.intake.accept import announce, lane_of
from notifier.intake.allowed import sendable_or_reject
from notifier.intake.errors import Rejected
from notifier.intake.store import store
from notifier.models import Message, State
from notifier.models.ids import new_message_id

NEVER_ARRIVED = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED, State.UNDELIVERED})
ORIGINAL = "resend_of"
"""In the new message's metadata: the id of the first."""


def fate_of_resend(message: Message) -> Fate:
    if message.state in (State.QUEUED, State.SENDING):
        return Fate.ON_ITS_WAY
    if is_erased(message):
        return Fate.REFUSED
    arrived = message.state not in NEVER_ARRIVED or message.in_doubt_since
    return Fate.RISKY if arrived or hasattr(message, "fallback") else Fate.GOES


def resend(
    ids: Iterable[UUID], by: str, now: datetime, with_risk: bool = False
) -> tuple[Counter[Fate], list[UUID]]:
    """What became of them, and the new messages. `with_risk`: those, too, that the person may have
    got already."""
    fates: Counter[Fate] = Counter()
    made: list[UUID] = []
    wanted = {Fate.GOES, Fate.RISKY} if with_risk else {Fate.GOES}
    rows = Message.objects.filter(pk__in=list(ids)).order_by("pk")
    for message in rows.select_related("fallback", "recipient", "version__template").iterator(500):
        fate = fate_of_resend(message)
        if fate in wanted:
            copy = _stored_copy(message, by, now)
            made += [copy.pk] if copy else []
            fate = fate if copy else Fate.REFUSED
        fates[fate] += 1
    return fates, made


def _stored_copy(message: Message, by: str, now: datetime) -> Message | None:
    """The rendered values stay as they were; the checks of today decide."""
    try:
        template = sendable_or_reject(message.version.template.code)
    except Rejected:
        return None
    new_id = new_message_id()
    body = orjson.loads(message.payload) | {"client_msg_id": new_id.hex}
    copy = Message.fresh(
        id=new_id,
        account_id=message.account_id,
        version_id=message.version_id,
        client_id=message.client_id,
        requested_by=by,
        openid=message.openid,
        priority=message.priority,
        payload=orjson.dumps(body).decode(),
        traceparent=message.traceparent,
        baggage=message.baggage,
        metadata={**message.metadata, ORIGINAL: message.id.hex},
        is_test=message.is_test,
        created_at=now,
        due_at=now,
        expires_at=now + timedelta(seconds=settings.MESSAGE_LIFETIME_SECONDS),
    )
    if not store(copy, template.template_id):
        return None
    announce(lane_of(copy))
    return copy
