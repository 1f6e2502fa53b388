"""Messages of a campaign that is paused or cancelled: they wait out of the claims' reach.

A campaign has at most so many messages that wait (`feed.py`), so each of these is a few short
statements, however large the campaign is.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from notifier.dispatch.repair import cancel
from notifier.models import Message, Reason, State
from notifier.models.campaigns import LIFETIME, NEVER

CHUNK = 1000


def park(campaign_id: int) -> None:
    """Not those that WeChat may have got already: they are repeated within its guard against
    doubles, else nobody would ever know. Rows that a worker hands back later are parked by the
    next claim, or by the clock."""
    waiting = _waiting(campaign_id).filter(in_doubt_since=None).exclude(reason=Reason.PAUSED)
    _update(waiting, reason=Reason.PAUSED, due_at=NEVER, expires_at=NEVER)


def unpark(campaign_id: int, now: datetime) -> int:
    """With a whole lifetime: the pause was no time of theirs. Returns how many wait no more."""
    parked = _waiting(campaign_id).filter(reason=Reason.PAUSED)
    return _update(parked, reason=Reason.NONE, due_at=now, expires_at=now + LIFETIME)


def clear(campaign_id: int, by: str) -> None:
    """Of a cancelled campaign: its messages that wait end, each with its event."""
    while ids := list(_waiting(campaign_id).values_list("pk", flat=True)[:CHUNK]):
        cancel(ids, by, timezone.now())


def _waiting(campaign_id: int) -> QuerySet[Message]:
    return Message.objects.filter(campaign=campaign_id, state=State.QUEUED).order_by("pk")


def _update(rows: QuerySet[Message], **values: Any) -> int:
    with transaction.atomic():
        # In the order of ids, as everybody who locks several.
        ids = list(rows.select_for_update().values_list("pk", flat=True))
        for start in range(0, len(ids), CHUNK):
            Message.objects.filter(pk__in=ids[start : start + CHUNK]).update(**values)
    return len(ids)
