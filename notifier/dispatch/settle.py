"""Settling: the results of attempts become states, in a few statements, fenced by the claim."""

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils import timezone

from notifier.dispatch import sql
from notifier.dispatch.counted import count_attempts
from notifier.dispatch.outbox import note_changes
from notifier.dispatch.people import mark_people
from notifier.dispatch.retry import Step, next_step
from notifier.dispatch.send import Attempt
from notifier.dispatch.tallies import tallies
from notifier.dispatch.traced import record_attempts
from notifier.models import TOLD, FallbackCause, Priority, Reason, State
from notifier.models.away import AWAY
from notifier.models.counts import add_counts
from notifier.models.fallbacks import begin_fallbacks
from notifier.models.gateways import push_ends
from notifier.models.messages import SLOW_CALL_SECONDS
from notifier.wechat.errors import Kind

log = logging.getLogger(__name__)

RETRY_SECONDS = (0.1, 0.5, 1, 2, 4, 8, 8, 8, 8)
"""About as long as a lease lasts after the call."""


def settle_surely(attempts: list[Attempt], may_wait: Callable[[float], object]) -> None:
    """Known results are not thrown away for a database that is away for a moment, nor two hundred
    of them for one that it refuses. `may_wait` sleeps so many seconds.

    What cannot be stored while its lease lasts is repeated by recovery, with the same
    client_msg_id.
    """
    for seconds in RETRY_SECONDS:
        try:
            settle(attempts, timezone.now())
            return
        except AWAY as error:  # restarted, read-only after a failover, a deadlock
            log.warning(
                "%d results wait for the database (%s)", len(attempts), type(error).__name__
            )
            connection.close()
            may_wait(seconds)
        except Exception:
            if len(attempts) == 1:
                log.exception("a result could not be stored", extra=attempts[0].claimed.log_fields)
                return
            half = len(attempts) // 2
            settle_surely(attempts[:half], may_wait)
            settle_surely(attempts[half:], may_wait)
            return
    log.error("%d results could not be stored: the database is away", len(attempts))


def settle(
    attempts: list[Attempt], now: datetime, jitter: Callable[[], float] = random.random
) -> int:
    """Stores the results of `attempts` that are still ours; returns how many were.

    A row whose lease ran out and that another claim holds, or that was returned to its lane, keeps
    the other's result: its fence differs.
    """
    # One claim of a message: of two, when its lease ran out meanwhile, the earlier one is void.
    began = time.time()
    latest = {one.claimed.id: one for one in sorted(attempts, key=_lease)}
    # In the order of ids, as everybody who locks several: else two could wait for each other.
    ordered = sorted(latest.values(), key=lambda one: one.claimed.id)
    steps = [(one, _step(one, now, jitter)) for one in ordered]
    tried = [_row(one, _values(one, step, now)) for one, step in steps if one.kind]
    untried = [_row(one, _back(one, step)) for one, step in steps if not one.kind]
    with transaction.atomic():
        held = sql.update_held(tried) | sql.update_held(untried)
        steps = [(one, step) for one, step in steps if one.claimed.id in held]
        ours = [one for one, _ in steps]
        sql.record_results([_result(one) for one in ours], now)
        asked_for = [one.claimed.id for one, step in steps if step.state in TOLD]
        note_changes([pk for pk in asked_for if held[pk]], now)
        _fall_back(steps, now)
        lost = [pair for pair in steps if pair[1].state not in (State.QUEUED, State.SENT)]
        push_ends([one.claimed.id for one, _ in lost], now)
        mark_people(ours, now)
        add_counts(tallies(steps, now), now)
    count_attempts(steps)
    record_attempts(steps, began)
    _tell_slow(ours)
    _tell_lost(lost)
    return len(ours)


def _lease(attempt: Attempt) -> datetime:
    return attempt.claimed.lease_until


def _tell_slow(attempts: list[Attempt]) -> None:
    for one in attempts:
        if one.seconds >= SLOW_CALL_SECONDS:
            spent = one.phases.spent() if one.phases else {}
            ids = one.claimed.log_fields
            log.warning(
                "slow: template/send of message %s took %.1f s (%s), trace %s",
                ids["message_id"],
                one.seconds,
                ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items()),
                ids["trace_id"] or "-",
                extra=ids,
            )


def _tell_lost(steps: list[tuple[Attempt, Step]]) -> None:
    """Nobody was reached, or nobody knows. A flood is bounded by the text, so that thousands who do
    not follow hide no other failure."""
    for one, step in steps:
        ids = one.claimed.log_fields
        why = f"{one.kind and one.kind.value}, {one.errcode or 'no errcode'}"
        text = f"message %s is {step.state.value} ({why})"
        log.info(text, ids["message_id"], extra=ids)


def _fall_back(steps: list[tuple[Attempt, Step]], now: datetime) -> None:
    refused = [
        one.claimed.id
        for one, step in steps
        if one.kind is Kind.RECIPIENT and step.state is State.FAILED
    ]
    expired = [one.claimed.id for one, step in steps if step.state is State.EXPIRED]
    begin_fallbacks(refused, FallbackCause.REFUSAL, now)
    begin_fallbacks(expired, FallbackCause.EXPIRY, now)


def _step(attempt: Attempt, now: datetime, jitter: Callable[[], float]) -> Step:
    claimed = attempt.claimed
    if attempt.wait is not None:
        return Step(State.QUEUED, attempt.wait.reason, attempt.wait.until)
    if attempt.kind is None:
        return Step(State.QUEUED, Reason.RETURNED, now)
    return next_step(
        attempt.kind,
        attempt=claimed.attempt,
        is_urgent=claimed.lane.priority is Priority.URGENT,
        now=now,
        expires_at=claimed.expires_at,
        in_doubt_since=_doubt(attempt, now),
        retry_after=attempt.retry_after,
        jitter=jitter,
    )


def _doubt(attempt: Attempt, now: datetime) -> datetime | None:
    """Since when WeChat may have the message. A clear answer ends the doubt of its own attempt,
    not that of an earlier one."""
    earlier = attempt.claimed.in_doubt_since
    if attempt.kind is Kind.OK:
        return None
    if earlier or attempt.kind is not Kind.AMBIGUOUS:
        return earlier
    return datetime.fromtimestamp(attempt.began, UTC) if attempt.began else now


def _row(attempt: Attempt, values: dict[str, Any]) -> sql.Row:
    return attempt.claimed.id, attempt.claimed.fence, values


def _values(attempt: Attempt, step: Step, now: datetime) -> dict[str, Any]:
    sent = step.state is State.SENT
    return {
        "state": step.state.value,
        "reason": step.reason.value,
        "due_at": step.due_at or now,
        "attempts": attempt.claimed.attempt,
        "claimed_by": "",
        "lease_until": None,
        "in_doubt_since": _doubt(attempt, now),
        "msgid": _stored(attempt.msgid, 20),
        "errcode": attempt.errcode,
        "errmsg": _stored(attempt.detail, 300),
        "rid": _stored(attempt.rid, 40),
        "sent_at": now if sent else None,
    }


def _back(attempt: Attempt, step: Step) -> dict[str, Any]:
    """Nothing was tried: what the last attempt said stays."""
    return {
        "state": step.state.value,
        "reason": step.reason.value,
        "due_at": step.due_at,
        "attempts": attempt.claimed.attempt - 1,
        "claimed_by": "",
        "lease_until": None,
        "in_doubt_since": attempt.claimed.in_doubt_since,
    }


def _stored(text: str, limit: int) -> str:
    """One answer that the database refuses would keep the whole batch from being stored."""
    return text.replace("\0", "")[:limit]


def _result(attempt: Attempt) -> tuple[UUID, int, int, str | None]:
    claimed, phases = attempt.claimed, attempt.phases
    if attempt.kind is None:
        return claimed.id, claimed.attempt, -1, None
    is_told = phases and (attempt.kind is not Kind.OK or not phases.is_ordinary())
    told = orjson.dumps(phases.as_dict()).decode() if phases and is_told else None
    return claimed.id, claimed.attempt, round(attempt.seconds * 1000), told
