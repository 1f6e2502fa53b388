"""Traces by OpenTelemetry: one for a message from its service's request to the last webhook, though
its parts run in processes and minutes apart.

On when OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set and neither
OTEL_TRACES_EXPORTER=none nor OTEL_SDK_DISABLED=true; they go by HTTP with protobuf alone, and all
other OTEL_… variables are the SDK's own, but that its limits of spans are for requests alone. Off,
the SDK is not even imported, and a caller's W3C traceparent and baggage travel with its message all
the same.

A message's row keeps its context. What happened to it becomes a span afterwards, with the times
that were measured anyhow. No attribute holds a token, a secret, a body, a phone or an OpenID.

In each process at most TRACES_PER_SECOND requests a second are traced, and a few times as many
messages, receipts and webhooks (`allowance.py`). A request that is left out makes a trace that is
not kept: of it only trouble is traced, and its webhooks say so to the service.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from notifier.tracing import sdk
from notifier.tracing.allowance import Work
from notifier.tracing.allowance import take as allowed
from notifier.tracing.context import NONE, Context, arriving
from notifier.tracing.sdk import is_on, load

__all__ = ["NONE", "Attributes", "Context", "current", "is_on", "load", "passes", "record"]
__all__ += ["allowed", "begun", "fail", "is_wanted", "serving", "span"]

Attributes = Mapping[str, str | int | float | bool]

_current: ContextVar[Context] = ContextVar("trace", default=NONE)


def current() -> Context:
    """Of the request that this thread works on."""
    return _current.get()


def begun() -> Context:
    """`current()`; a new one where no request began it: at a terminal, by the clock."""
    context = current()
    if context.traceparent or not is_on():
        return context
    trace_id, drawn = sdk.next_trace()
    return drawn.kept(bool(trace_id) and allowed("request", 1) == 1)


def is_wanted(work: Work, trace: Context) -> bool:
    """Traces are on, somebody wants this one, and the allowance is not used up."""
    return is_on() and trace.is_kept and allowed(work, 1) == 1


def passes(work: Work, meta: Mapping[str, Any]) -> bool:
    """Whether a request's trace is kept by nobody, so that it needs no span. Its context is
    `current()` then; otherwise it is `serving`'s. In a new trace the sampler is asked before the
    SDK makes a span, which costs twenty times as much. (Every request comes through here.)"""
    is_given = "HTTP_TRACEPARENT" in meta or "HTTP_BAGGAGE" in meta
    context = arriving(meta) if is_given else NONE
    if is_on():
        if not context.traceparent:
            trace_id, drawn = sdk.next_trace()
            if trace_id and allowed(work, 1):
                sdk.begins(trace_id)
                return False
            context = replace(drawn, baggage=context.baggage) if context.baggage else drawn
        elif is_wanted(work, context):
            return False
        else:
            context = context.kept(False)
    _current.set(context)
    return True


@contextmanager
def serving(meta: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The span of a request that does not pass. Its context is `current()`."""
    with span(name, arriving(meta), kind="SERVER") as (one, context):
        _current.set(context)
        yield one


@contextmanager
def span(name: str, parent: Context, *, kind: str = "INTERNAL") -> Iterator[tuple[Any, Context]]:
    """The span and its context; of something that is wanted. Without a parent a trace begins."""
    one = sdk.tracer().start_span(name, sdk.parent(parent), sdk.kind(kind))
    try:
        yield one, sdk.context_of(one, parent.baggage)
    finally:
        one.end()


def fail(span: Any, why: str) -> None:
    """What it did has failed: somebody will look for those that did."""
    span.set_status(sdk.error(why))


def record(
    name: str,
    parent: Context,
    began: float,
    seconds: float,
    attributes: Attributes,
    *,
    kind: str = "INTERNAL",
    failure: str = "",
    links: Iterable[Context] = (),
) -> Context:
    """A span of something that is over, and wanted; `began` in Unix seconds. -> its context."""
    times = (int(began * 1e9), int((began + seconds) * 1e9))
    return sdk.over(name, parent, times, dict(attributes), kind, failure, list(links))
