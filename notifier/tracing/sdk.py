"""OpenTelemetry's SDK: imported when the first span is made, by nobody where traces are off."""

import atexit
import logging
import os
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from notifier.tracing.context import NONE, Context

log = logging.getLogger(__name__)

SCOPE = "hongyan"
LEAVING_SECONDS = 2.0
AT_ONCE = 32
"""New traces that are drawn ahead of their requests."""

_next = threading.local()


SPOKEN = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
"""The one value of each that is understood."""


@lru_cache(maxsize=1)
def is_on() -> bool:
    is_off = _said("OTEL_SDK_DISABLED") == "true" or _said("OTEL_TRACES_EXPORTER") == "none"
    return not is_off and bool(_said("OTEL_EXPORTER_OTLP_ENDPOINT"))


def _said(name: str) -> str:
    """What is said of traces alone comes before what is said of all signals."""
    own = name.replace("_OTLP_", "_OTLP_TRACES_")
    return (os.environ.get(own) or os.environ.get(name, "")).strip().lower()


def load() -> None:
    """Before the garbage collector is told to leave alone what is loaded (`gc.freeze`): the SDK's
    thousands of objects would be walked over again and again. Makes nothing yet."""
    if is_on():
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace.export  # noqa: F401 - only loaded

        for name, value in SPOKEN.items():
            if _said(name) not in ("", value):
                log.warning("%s: %s is not spoken; traces go by %s", name, _said(name), value)


@lru_cache(maxsize=1)
def processor() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter())


@lru_cache(maxsize=1)
def provider() -> Any:
    """Made at the first span: after a fork, for it has a thread of its own."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    known: dict[str, str | int] = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME", "hongyan"),
        "hongyan.process": os.environ.get("HONGYAN_PROCESS", ""),
        "process.pid": os.getpid(),
    }
    one = TracerProvider(
        resource=Resource.create(known), id_generator=_ids(), shutdown_on_exit=False
    )
    one.add_span_processor(processor())
    atexit.register(_leave, one)
    return one


def _leave(provider: Any) -> None:
    """What is left still goes out. A collector that is away does not hold up the end of a process,
    and so the start of the next: the SDK itself would try for half a minute."""
    last = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
    last.start()
    last.join(LEAVING_SECONDS)


@lru_cache(maxsize=1)
def tracer() -> Any:
    return provider().get_tracer(SCOPE)


@lru_cache(maxsize=1)
def _ids() -> Any:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """Of the trace that the thread is to begin next, if one was drawn for it."""

        def generate_trace_id(self) -> int:
            drawn, _next.trace_id = getattr(_next, "trace_id", 0), 0
            return drawn or super().generate_trace_id()

    return Ids()


def next_trace() -> tuple[int, Context]:
    """The id of a new one, 0 if OTEL_TRACES_SAMPLER drops it; and the same left out. Some are drawn
    at once: amid all the rest of a request a single one takes eight times as long."""
    drawn = _drawn()
    while True:
        try:
            return drawn.pop()
        except IndexError:
            drawn.extend(_draw())


def _draw() -> Iterator[tuple[int, Context]]:
    digits = os.urandom(24 * AT_ONCE).hex()
    for start in range(0, len(digits), 48):
        trace_id, span_id = digits[start : start + 32], digits[start + 32 : start + 48]
        number = int(trace_id, 16)
        yield number if _keeps(number) else 0, Context(f"00-{trace_id}-{span_id}-00")


def _keeps(trace_id: int, above: Context = NONE) -> bool:
    """Whether OTEL_TRACES_SAMPLER does. Asked again at the span of a request, it must say the same
    of the same id, as all of the SDK's do."""
    if _keeps_all():
        return True
    asked = provider().sampler.should_sample(parent(above), trace_id, "request", kind("SERVER"))
    return bool(asked.decision.is_sampled())


def begins(trace_id: int) -> None:
    """The next trace that this thread begins is this one."""
    _next.trace_id = trace_id


@lru_cache(maxsize=1)
def _keeps_all() -> bool:
    """The SDK's own default."""
    return not os.environ.get("OTEL_TRACES_SAMPLER")


@lru_cache(maxsize=1)
def _drawn() -> list[tuple[int, Context]]:
    return []


os.register_at_fork(after_in_child=_drawn.cache_clear)  # else both have the same ones


def forget() -> None:
    """The environment has changed."""
    for one in (is_on, processor, provider, tracer, _ids, _drawn, _keeps_all):
        one.cache_clear()


def parent(context: Context) -> Any:
    from opentelemetry.context import Context as Carried
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    if not context.traceparent:
        return Carried()
    return set_span_in_context(NonRecordingSpan(told(context)), Carried())


def told(context: Context) -> Any:
    """As the SDK has it. Read here, for a propagator takes ten times as long."""
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace_id, span_id, flags = context.traceparent.split("-")
    kept = TraceFlags(int(flags, 16))
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=kept)


def over(
    name: str,
    parent_context: Context,
    times: tuple[int, int],
    attributes: dict[str, Any],
    kind_name: str,
    failure: str,
    links: list[Context],
) -> Context:
    """A span that is made when it is over, and its context; `times`: began and ended, ns.

    The SDK's own Span, made to be changed while it lasts, costs thirteen times as much. Its limits
    (OTEL_SPAN_…, OTEL_ATTRIBUTE_…) do not hold here: these attributes are few and short. The SDK
    would rather make its ReadableSpans itself: look here when its version changes.
    """
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, SpanContext, Status, TraceFlags

    known = told(parent_context) if parent_context.traceparent else None
    ids = provider().id_generator
    trace_id = known.trace_id if known else ids.generate_trace_id()
    is_kept = (known is None or parent_context.is_kept) and _keeps(trace_id, parent_context)
    flags = TraceFlags(TraceFlags.SAMPLED if is_kept else TraceFlags.DEFAULT)
    one = ReadableSpan(
        name,
        SpanContext(trace_id, ids.generate_span_id(), is_remote=False, trace_flags=flags),
        known,
        provider().resource,
        attributes,
        links=[Link(told(each)) for each in links],
        kind=kind(kind_name),
        status=error(failure) if failure else Status(),
        start_time=times[0],
        end_time=times[1],
        instrumentation_scope=_scope(),
    )
    processor().on_end(one)  # leaves out what is not kept
    return context_of(one, parent_context.baggage)


def error(why: str) -> Any:
    """As a span's status."""
    from opentelemetry.trace import Status, StatusCode

    return Status(StatusCode.ERROR, why)


@lru_cache(maxsize=1)
def _scope() -> Any:
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    return InstrumentationScope(SCOPE)


def context_of(one: Any, baggage: str) -> Context:
    """Of a span."""
    known = one.get_span_context()
    traceparent = f"00-{known.trace_id:032x}-{known.span_id:016x}-{int(known.trace_flags):02x}"
    return Context(traceparent, baggage)


def kind(name: str) -> Any:
    from opentelemetry.trace import SpanKind

    return SpanKind[name]
