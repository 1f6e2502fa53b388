"""Attempts as spans of their messages' traces, made when they are settled: the times were measured
anyhow, and the calls themselves have nothing to do for it."""

import time
from collections.abc import Sequence

from notifier import tracing
from notifier.dispatch.retry import Step
from notifier.dispatch.send import Attempt
from notifier.tracing import NONE, Attributes
from notifier.wechat.errors import Kind

MOST_LINKS = 100


def record_attempts(steps: Sequence[tuple[Attempt, Step]], began: float) -> None:
    """`began`: of the settling, Unix seconds; its span is linked to those it settled."""
    if not tracing.is_on():
        return
    settled = [one for one, _ in steps if one.kind is not None and one.claimed.trace.is_kept]
    if not settled:
        return
    calls = [_record(one) for one in settled]
    told = {"hongyan.messages": len(steps)}
    seconds = time.time() - began
    tracing.record("settle", NONE, began, seconds, told, links=calls[:MOST_LINKS])


def _record(attempt: Attempt) -> tracing.Context:
    claimed = attempt.claimed
    message: Attributes = {
        "hongyan.message_id": claimed.id.hex,
        "hongyan.account": claimed.lane.account_id,
        "hongyan.template": claimed.template_id,
        "hongyan.priority": claimed.lane.priority.word,
        "hongyan.attempt": claimed.attempt,
    }
    if claimed.attempt == 1:
        due = claimed.due_at.timestamp()
        tracing.record("queued", claimed.trace, due, max(attempt.began - due, 0), message)
    return tracing.record(
        "POST template/send",
        claimed.trace,
        attempt.began,
        attempt.seconds,
        {**message, **_outcome(attempt)},
        kind="CLIENT",
        failure="" if attempt.kind is Kind.OK else str(attempt.kind and attempt.kind.value),
    )


def _outcome(attempt: Attempt) -> Attributes:
    found: dict[str, str | int | float | bool] = {}
    if attempt.kind is not None:
        found["hongyan.outcome"] = attempt.kind.value
    if attempt.errcode is not None:
        found["wechat.errcode"] = attempt.errcode
    if attempt.rid:
        found["wechat.rid"] = attempt.rid
    if attempt.phases is not None:
        found["server.address"] = attempt.phases.host
        found["network.connection.reused"] = attempt.phases.is_reused
        spent = attempt.phases.spent().items()
        found |= {f"hongyan.phase.{name}_ms": round(one * 1000, 3) for name, one in spent}
    return found
