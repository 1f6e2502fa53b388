"""Rows that wait behind a closed gate: nobody claims them, and yet their time runs out."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from notifier.dispatch import gate
from notifier.dispatch.moves import move
from notifier.dispatch.retry import GUARD
from notifier.models import FallbackCause, Message, Priority, Reason, State
from notifier.models.fallbacks import begin_fallbacks, has_way
from notifier.tracing.context import Context
from templates_app.models import MessageTemplate, OfficialAccount

log = logging.getLogger(__name__)

BATCH = 1000
_WHY = {
    State.EXPIRED: "its time ran out",
    State.UNKNOWN: "WeChat may have got it, and it is no longer safe to repeat it",
    State.CANCELLED: "the account is out, and it goes another way",
}
_FREE = Q(in_doubt_since=None)


def tick(now: datetime) -> None:
    """From the clock, every second."""
    queued = Message.objects.filter(state=State.QUEUED)
    # Each in the order of its index: in that of the ids PostgreSQL would read the whole table.
    late = queued.filter(expires_at__lte=now).order_by("expires_at")
    _end(late.filter(_FREE), State.EXPIRED, FallbackCause.EXPIRY, now)
    # Perhaps delivered, and no longer safe to repeat.
    _end(late.exclude(_FREE), State.UNKNOWN, None, now)
    doubtful = queued.filter(in_doubt_since__lte=now - GUARD).order_by("in_doubt_since")
    _end(doubtful, State.UNKNOWN, None, now)


def repeat_doubtful(now: datetime) -> None:
    """What WeChat may have got already goes to the front of its lane as soon as it is due: behind a
    long campaign its guard against doubles would end, and nobody would ever know."""
    behind = Message.objects.filter(
        state=State.QUEUED,
        in_doubt_since__isnull=False,
        due_at__lte=now,
        due_at__gt=F("created_at"),
    )
    with transaction.atomic():
        rows = behind.select_for_update(skip_locked=True).order_by("in_doubt_since")
        ids = list(rows.values_list("pk", flat=True)[:BATCH])
        if ids:
            # All that was due before it has been claimed: it was claimed itself.
            Message.objects.filter(pk__in=ids).update(due_at=F("created_at"))


def leave_outages(now: datetime) -> None:
    """Messages whose template goes another way when the account has been out for so long, where
    there is such a way."""
    minutes = MessageTemplate.objects.exclude(fallback="").filter(fallback_on_outage__gt=0)
    for account in OfficialAccount.objects.filter(templates__in=minutes).distinct():
        since = gate.condition(account, now).open_since
        if since is None:
            continue
        waiting = Message.objects.filter(
            _FREE,
            has_way(),
            account=account,
            state=State.QUEUED,
            priority__in=Priority.values,  # what the index of due rows has before their time
            due_at__lte=now,
            version__template__in=minutes.filter(
                fallback_on_outage__lte=int((now - since) / timedelta(minutes=1))
            ),
        )
        _end(waiting.order_by("due_at"), State.CANCELLED, FallbackCause.OUTAGE, now)


def _end(rows: QuerySet[Message], state: State, cause: FallbackCause | None, now: datetime) -> None:
    with transaction.atomic():
        locked = rows.select_for_update(skip_locked=True, of=("self",))
        found = list(locked.values_list("pk", "attempts", "traceparent")[:BATCH])
        if not found:
            return
        ended = {pk: attempts for pk, attempts, _ in found}
        reason = Reason.FALLBACK if cause is FallbackCause.OUTAGE else Reason.NONE
        move(ended, state, now, reason)
        if cause is not None:
            begin_fallbacks(ended, cause, now)
    for pk, _, traceparent in found:
        ids = {"message_id": pk.hex, "trace_id": Context(traceparent).trace_id}
        log.info(f"message %s is {state.value}: {_WHY[state]}", pk.hex, extra=ids)
