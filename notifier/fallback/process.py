"""The other ways to a person, walked by a thread of the clock: a mail server that
hangs must not hold up a worker, which sends urgent messages."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import close_old_connections, transaction
from django.utils import timezone

from notifier.fallback.ways import WAYS, NoWay, event_for_service
from notifier.models import FallbackSend, OutboxEntry
from templates_app.models import Fallback

BATCH = 40
AT_ONCE = 8
ATTEMPTS = 8
MOVED = ("attempts", "detail", "sent_at", "due_at")
LEASE = timedelta(minutes=5)
"""Far longer than a batch's calls may take; what a dead clock held is repeated after it."""


def process_fallbacks() -> bool:
    """True: more may be due. No transaction is open during a call, and its threads touch no
    database. Two clocks do no harm: rows are taken under a lease."""
    close_old_connections()
    rows = _take(timezone.now())
    to_services = [row for row in rows if _way(row) == Fallback.WEBHOOK]
    to_people = [row for row in rows if _way(row) != Fallback.WEBHOOK]
    if to_services:
        _tell(to_services)
    if to_people:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(_send, to_people))
        FallbackSend.objects.bulk_update(to_people, MOVED)
    return len(rows) == BATCH


def _way(row: FallbackSend) -> str:
    return row.message.version.template.fallback


def _take(now: datetime) -> list[FallbackSend]:
    with transaction.atomic():
        due = FallbackSend.objects.filter(due_at__lte=now).order_by("due_at")
        ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        FallbackSend.objects.filter(pk__in=ids).update(due_at=now + LEASE)
    rows = FallbackSend.objects.filter(pk__in=ids)
    # All that a way needs, read here.
    whole = rows.select_related(
        "message__recipient", "message__client", "message__version__template"
    )
    return list(whole.prefetch_related("message__version__fields", "message__client__endpoints"))


def _tell(rows: list[FallbackSend]) -> None:
    """No call: an event each, in the transaction that ends the fallback."""
    events = []
    for row in rows:
        row.attempts, row.due_at, row.detail = row.attempts + 1, None, ""
        try:
            events.append(event_for_service(row))
            row.sent_at = timezone.now()
        except NoWay as error:
            row.detail = str(error)[:300]
    with transaction.atomic():
        OutboxEntry.objects.bulk_create(events)
        FallbackSend.objects.bulk_update(rows, MOVED)


def _send(row: FallbackSend) -> None:
    row.attempts += 1
    row.detail = ""
    try:
        WAYS[_way(row)](row)
        row.sent_at, row.due_at = timezone.now(), None
    except NoWay as error:
        row.due_at, row.detail = None, str(error)[:300]
    except Exception as error:  # whatever a mail server or a service can do
        row.detail = type(error).__name__
        row.due_at = _again(row.attempts)


def _again(attempts: int) -> datetime | None:
    """Exponential with full jitter: about an hour in all; None: given up."""
    if attempts >= ATTEMPTS:
        return None
    return timezone.now() + timedelta(seconds=random.uniform(1, 15 * 2**attempts))  # noqa: S311
