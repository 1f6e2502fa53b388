"""The RQ job that takes the other way to a person, and tries again while that way is closed."""

import random
from datetime import datetime, timedelta

from django.db import close_old_connections, transaction
from django.utils import timezone

from notifier.dispatch.lanes import Wake, clear, wake_job
from notifier.fallback.ways import WAYS, NoWay
from notifier.models import FallbackSend
from notifier.wechat.errors import redact

BATCH = 5
FLAG = "hongyan:wake:fallback"
WAKE = Wake(FLAG, "fallback", "notifier.fallback.process.process_fallbacks")
ATTEMPTS = 8
LEASE = timedelta(minutes=2)
"""Longer than a batch's calls may take; a job that died is repeated after it."""


def tick(now: datetime) -> None:
    """From the clock, every second."""
    if FallbackSend.objects.filter(due_at__lte=now).exists():
        wake_job(WAKE)


def process_fallbacks() -> None:
    """A way that answers late must not be walked twice: rows are taken under a lease, and no
    transaction is open during a call."""
    close_old_connections()
    clear(FLAG)
    for row in _take(timezone.now()):
        _send(row)


def _take(now: datetime) -> list[FallbackSend]:
    with transaction.atomic():
        due = FallbackSend.objects.filter(due_at__lte=now).order_by("due_at")
        ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        FallbackSend.objects.filter(pk__in=ids).update(due_at=now + LEASE)
    rows = FallbackSend.objects.filter(pk__in=ids)
    return list(
        rows.select_related("message__recipient", "message__client", "message__version__template")
    )


def _send(row: FallbackSend) -> None:
    row.attempts += 1
    row.detail = ""
    try:
        WAYS[row.message.version.template.fallback](row)
        row.sent_at, row.due_at = timezone.now(), None
    except NoWay as error:
        row.due_at, row.detail = None, str(error)[:300]
    except Exception as error:  # whatever a mail server or a service can do
        row.detail = redact(f"{type(error).__name__}")[:300]
        row.due_at = _again(row.attempts)
    row.save(update_fields=["attempts", "detail", "sent_at", "due_at"])


def _again(attempts: int) -> datetime | None:
    """Exponential with full jitter: about an hour in all; None: given up."""
    if attempts >= ATTEMPTS:
        return None
    return timezone.now() + timedelta(seconds=random.uniform(1, 15 * 2**attempts))  # noqa: S311
