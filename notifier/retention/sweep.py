"""What is older than is kept goes, a slice at a time. The hourly counts, and so the figures, stay.

Each class of data has its days (config/keeping.py); sessions go when they have ended. What still
waits is never touched. Events with their webhooks (notifier/webhooks/relay.py), uploads
(notifier/campaigns/forgetting.py) and files of imports have sweeps of their own: something else
hangs on their end.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import close_old_connections, transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils import timezone

from notifier.models import (
    MOVES,
    Anomaly,
    AnomalyState,
    Campaign,
    CampaignRow,
    MeasuredWindow,
    Message,
    Push,
    State,
)
from notifier.models.campaigns import FEEDING
from notifier.models.ids import first_id_at

SLICE = 500
LOOKED_AT = 10 * SLICE
CAMPAIGNS = 50
PAUSE_SECONDS = 0.1
"""Between two slices: sends come first."""
WAIT = frozenset({State.QUEUED, State.SENDING})
OVER = [state for state in MOVES if state not in WAIT]


def _messages(before: datetime) -> QuerySet[Message]:
    """By their ids, which are ordered by time. A campaign that is sent so slowly that its first
    ones are old is judged by all of them: they go after its end."""
    old = Message.objects.filter(pk__lt=first_id_at(before), state__in=OVER).order_by("pk")
    slow = Campaign.objects.filter(state__in=FEEDING, started_at__lt=before)
    ids = list(slow.values_list("pk", flat=True))  # hardly ever one
    return old.exclude(campaign__in=ids) if ids else old


def _audiences(_before: datetime) -> QuerySet[CampaignRow]:
    """Of campaigns that `notifier/campaigns/forgetting.py` has marked. The campaign is asked again
    with its row, and locked: a check that begins meanwhile takes the mark away, and keeps its own
    rows."""
    rows = CampaignRow.objects.filter(campaign=OuterRef("pk"))
    marked = Campaign.objects.filter(Exists(rows), audience_deleted_at__isnull=False)
    ids = list(marked.order_by("pk").values_list("pk", flat=True)[:CAMPAIGNS])
    return CampaignRow.objects.filter(
        campaign__in=ids, campaign__audience_deleted_at__isnull=False
    ).order_by()


def _pushes(before: datetime) -> QuerySet[Push]:
    """Of the first ids, which ascend with the time: while none is old, not all are looked at. Some
    of them may have to stay: a clock that was ahead has dated them, or they are still due."""
    first = Push.objects.order_by("pk").values_list("pk", flat=True)[:LOOKED_AT]
    old = Push.objects.filter(pk__in=list(first), received_at__lt=before, due_at=None)
    return old.order_by("pk")


def _measures(before: datetime) -> QuerySet[MeasuredWindow]:
    return MeasuredWindow.objects.filter(begins__lt=before).order_by("begins")


def _anomalies(before: datetime) -> QuerySet[Anomaly]:
    return Anomaly.objects.filter(state=AnomalyState.ENDED, ended_at__lt=before).order_by(
        "ended_at"
    )


def _sessions(before: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=before).order_by("expire_date")


CLASSES: tuple[tuple[str, Callable[[datetime], QuerySet[Any]]], ...] = (
    ("MESSAGE_KEEP_DAYS", _messages),
    ("PUSH_KEEP_DAYS", _pushes),
    ("ANOMALY_KEEP_DAYS", _measures),
    ("ANOMALY_KEEP_DAYS", _anomalies),
    ("", _sessions),
    ("", _audiences),
)
"""(setting, what of it is over); without one it goes at once."""


def sweep() -> bool:
    """A slice of each; True: there may be more."""
    close_old_connections()
    now = timezone.now()
    found = [_slice(rows(before)) for name, rows in CLASSES if (before := _before(name, now))]
    if any(found):
        time.sleep(PAUSE_SECONDS)
    return any(count == SLICE for count in found)


def _before(name: str, now: datetime) -> datetime | None:
    """What was over then goes. None: nothing."""
    if not name:
        return now
    days = getattr(settings, name)
    return now - timedelta(days=days) if days else None


def _slice(old: QuerySet[Any]) -> int:
    """How many went; with them what hangs on them."""
    with transaction.atomic():
        # Who works on one of them just now keeps it until the next time.
        ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:SLICE])
        model: type[Model] = old.model
        model._default_manager.filter(pk__in=ids).delete()
    return len(ids)
