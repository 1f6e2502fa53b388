"""Moving rows that nobody is calling WeChat for: a new state, and an event for each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from notifier.dispatch.outbox import note_changes
from notifier.models import TOLD, Message, MessageEvent, Reason, State
from notifier.models.counts import count_moved
from notifier.models.gateways import push_ends


def move(
    attempts: Mapping[UUID, int],
    state: State,
    now: datetime,
    reason: Reason = Reason.NONE,
    detail: str = "",
    **values: Any,
) -> None:
    """`attempts`: the messages, locked by the caller, each with its number of attempts. `values`:
    what else their rows get."""
    if not attempts:
        return
    Message.objects.filter(pk__in=attempts).update(state=state, reason=reason, **values)
    MessageEvent.objects.bulk_create(
        MessageEvent(
            message_id=pk,
            at=now,
            state=state,
            attempt=attempt,
            reason=reason,
            detail=detail,
            next_at=values.get("due_at") if state is State.QUEUED else None,
        )
        for pk, attempt in attempts.items()
    )
    if state in TOLD:
        note_changes(attempts, now, detail)
    if state is not State.QUEUED:
        count_moved(attempts, state, now)
        push_ends(attempts, now)
