"""Rows whose worker died: after the lease they go back to their lane, or become `unknown`."""

from datetime import datetime

from django.db import transaction

from notifier import metrics
from notifier.dispatch.lanes import Lane
from notifier.dispatch.moves import move
from notifier.dispatch.retry import guard_is_over
from notifier.models import Message, Priority, Reason, State

BATCH = 1000


def return_expired_leases(now: datetime) -> set[Lane]:
    """Returns the lanes to wake. A row that WeChat may have got is repeated with the same
    client_msg_id while WeChat still knows it, and never after."""
    with transaction.atomic():
        rows = list(
            Message.objects.select_for_update(skip_locked=True)
            .filter(state=State.SENDING, lease_until__lte=now)
            .order_by("lease_until")
            .only("account_id", "priority", "attempts", "in_doubt_since")[:BATCH]
        )
        lost = [row for row in rows if guard_is_over(row.in_doubt_since or now, now)]
        back = [row for row in rows if row not in lost]
        for found, state, reason in (
            (lost, State.UNKNOWN, Reason.NONE),
            (back, State.QUEUED, Reason.RETURNED),
        ):
            attempts = {row.pk: row.attempts for row in found}
            move(attempts, state, now, reason, due_at=now, claimed_by="", lease_until=None)
    metrics.recovered.inc(len(rows))
    return {Lane(row.account_id, Priority(row.priority)) for row in back}
