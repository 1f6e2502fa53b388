"""Attempts as spans of their messages' traces, made when they are settled: the times were measured
anyhow, and the calls themselves have nothing to do for it."""

import time
from collections.abc import Sequence

from notifier import tracing
from notifier.dispatch.retry import Step
from notifier.dispatch.send import Attempt
from notifier.models.messages import SLOW_CALL_SECONDS
from notifier.tracing import NONE, Attributes
from notifier.wechat.errors import Kind
from notifier.wechat.phases import Phases


def record_attempts(steps: Sequence[tuple[Attempt, Step]], began: float) -> None:
    """`began`: of the settling, Unix seconds; its span is linked to those that are traced."""
    if not tracing.is_on():
        return
    trouble, kept = _asked_for(steps)
    traced = trouble[: tracing.allowed("trouble", len(trouble))]
    traced += kept[: tracing.allowed("message", len(kept))]
    if not traced:
        return
    calls = [_record(one) for one in traced]
    told = {"hongyan.messages": len(steps)}
    tracing.record(
        "settle",
        NONE,
        began,
        time.time() - began,
        told,
        links=[call for call in calls if call.is_kept],
    )


def _asked_for(steps: Sequence[tuple[Attempt, Step]]) -> tuple[list[Attempt], list[Attempt]]:
    """What somebody will look for (it failed, was slow or made again), though its trace was not
    kept when it was accepted; and those that were kept. Each message passes here: no function is
    called for it that is not needed."""
    trouble, kept = [], []
    for one, _ in steps:
        kind, claimed = one.kind, one.claimed
        if kind is Kind.OK and claimed.attempt == 1 and one.seconds < SLOW_CALL_SECONDS:
            if claimed.is_kept:
                kept.append(one)
        elif kind is not None and claimed.trace.traceparent:
            trouble.append(one)
    return trouble, kept


def _record(attempt: Attempt) -> tracing.Context:
    claimed = attempt.claimed
    trace = claimed.trace.kept(True)
    message: Attributes = {
        "hongyan.message_id": claimed.id.hex,
        "hongyan.account": claimed.lane.account_id,
        "hongyan.template": claimed.template_id,
        "hongyan.priority": claimed.lane.priority.word,
        "hongyan.attempt": claimed.attempt,
    }
    if claimed.attempt == 1:
        due = claimed.due_at.timestamp()
        tracing.record("queued", trace, due, max(attempt.began - due, 0), message)
    return tracing.record(
        "POST template/send",
        trace,
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
        found["wechat.rid"] = attempt.rid[:64]
    if attempt.phases is not None:
        found["server.address"] = attempt.phases.host
        found["network.connection.reused"] = attempt.phases.is_reused
        found |= _phases(attempt.phases, "hongyan.phase.")
        if attempt.phases.token_call:
            found |= _phases(attempt.phases.token_call, "hongyan.phase.token_call.")
    return found


def _phases(phases: Phases, prefix: str) -> dict[str, float]:
    return {f"{prefix}{name}_ms": round(one * 1000, 3) for name, one in phases.spent().items()}
