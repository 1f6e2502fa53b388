"""Why a queued message is not sent now: its own reason, or that of its account."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from redis import RedisError

from notifier.dispatch import gate
from notifier.models import Message, Priority, Reason, State


@dataclass(frozen=True, slots=True)
class Waiting:
    reason: str
    since: datetime | None = None
    until: datetime | None = None
    cause: str = ""
    """What WeChat said about the account."""


def waiting(message: Message, now: datetime) -> Waiting | None:
    """None: it does not wait, or only for a worker."""
    if message.state != State.QUEUED:
        return None
    with suppress(RedisError):
        if (behind_gate := _behind_gate(message, now)) is not None:
            return behind_gate
    if not message.reason:
        return None
    is_timed = message.due_at > now and message.reason != Reason.PAUSED
    return Waiting(message.reason, until=message.due_at if is_timed else None)


def _behind_gate(message: Message, now: datetime) -> Waiting | None:
    condition = gate.condition(message.account, now)
    if condition.open_since:
        return Waiting(Reason.ACCOUNT, condition.open_since, condition.probe_at, condition.cause)
    if condition.parked_until and message.priority != Priority.URGENT:
        return Waiting(Reason.QUOTA, until=condition.parked_until)
    if condition.paused_until:
        return Waiting(Reason.PACE, until=condition.paused_until)
    return None
