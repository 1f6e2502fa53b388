"""Traces by OpenTelemetry: one for a message from its service's request to the last webhook, though
its parts run in processes and minutes apart.

On when OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set; all other OTEL_…
variables are the SDK's own. Off, the SDK is not even imported, and a caller's W3C traceparent and
baggage travel with its message all the same.

A message's row keeps its context. What happened to it becomes a span afterwards, with the times
that were measured anyhow. No attribute holds a token, a secret, a body, a phone or an OpenID.
"""

import atexit
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Attributes = Mapping[str, str | int | float | bool]
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
BAGGAGE = re.compile(r"[\x20-\x7e]{1,512}")
"""What is longer is dropped, as W3C allows from 8192 on; ours stands in each row."""

LEAVING_SECONDS = 2.0
AT_ONCE = 32
"""New traces that are drawn ahead of their requests."""


@dataclass(frozen=True, slots=True)
class Context:
    """As the W3C headers have it."""

    traceparent: str = ""
    baggage: str = ""

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]

    @property
    def is_kept(self) -> bool:
        """Somebody wants this trace. (Of W3C's flags, the last bit: sampled.) Where it is not set,
        nothing is done at all: an SDK's span that is thrown away costs as much as one that is
        kept, half of what a message costs."""
        return self.traceparent != "" and int(self.traceparent[-2:], 16) & 1 == 1

    @property
    def headers(self) -> dict[str, str]:
        given = {"traceparent": self.traceparent, "baggage": self.baggage}
        return {name: value for name, value in given.items() if value}


NONE = Context()
_current: ContextVar[Context] = ContextVar("trace", default=NONE)
_next = threading.local()


def current() -> Context:
    """Of the request that this thread works on."""
    return _current.get()


def arriving(headers: Mapping[str, str]) -> Context:
    """A caller's; without a good traceparent none."""
    traceparent = headers.get("traceparent", "")
    if not traceparent or not TRACEPARENT.fullmatch(traceparent):
        return NONE
    baggage = headers.get("baggage", "")
    return Context(traceparent, baggage if BAGGAGE.fullmatch(baggage) else "")


@lru_cache(maxsize=1)
def is_on() -> bool:
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return any(os.environ.get(name) for name in names)


def passes(headers: Mapping[str, str], name: str) -> bool:
    """Whether a request's trace is kept by nobody, so that it needs no span. Its context is
    `current()` then; otherwise it is `serving`'s. In a new trace the sampler is asked before the
    SDK makes a span, which costs twenty times as much."""
    context = arriving(headers)
    if is_on():
        is_new = not context.traceparent
        if is_new:
            context = _next_trace(name)
        if context.is_kept:
            if is_new:
                _next.trace_id = int(context.trace_id, 16)
            return False
    _current.set(context)
    return True


@contextmanager
def serving(headers: Mapping[str, str], name: str) -> Iterator[Any]:
    """The span of a request that does not pass. Its context is `current()`."""
    with span(name, arriving(headers), kind="SERVER", is_root=True) as (one, context):
        _current.set(context)
        yield one


@contextmanager
def span(
    name: str, parent: Context, *, kind: str = "INTERNAL", is_root: bool = False
) -> Iterator[tuple[Any, Context]]:
    """(the span or None, its context). Without a parent there is one only if it `is_root`."""
    if not is_on() or not (parent.is_kept or is_root):
        yield None, parent
        return
    one = _tracer().start_span(name, _parent(parent), _kind(kind))
    try:
        yield one, _context(one, parent.baggage)
    finally:
        one.end()


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
    """A span of something that is over; `began` in Unix seconds. Nothing while off, and without a
    parent or links that are kept."""
    links = [one for one in links if one.is_kept]
    if not is_on() or not (parent.is_kept or links):
        return NONE
    from opentelemetry.trace import Link, Status, StatusCode

    one = _tracer().start_span(
        name,
        _parent(parent),
        _kind(kind),
        dict(attributes),
        [Link(_told(each)) for each in links],
        start_time=int(began * 1e9),
    )
    if failure:
        one.set_status(Status(StatusCode.ERROR, failure))
    one.end(int((began + seconds) * 1e9))
    return _context(one, parent.baggage)


def load() -> None:
    """Before the garbage collector is told to leave alone what is loaded (`gc.freeze`): the SDK's
    thousands of objects would be walked over again and again. Makes nothing yet."""
    if is_on():
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace.export  # noqa: F401 - only loaded


@lru_cache(maxsize=1)
def _provider() -> Any:
    """Made at the first span: after a fork, for it has a thread of its own."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    known: dict[str, str | int] = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME", "hongyan"),
        "hongyan.process": os.environ.get("HONGYAN_PROCESS", ""),
        "process.pid": os.getpid(),
    }
    provider = TracerProvider(
        resource=Resource.create(known), id_generator=_ids(), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    atexit.register(_leave, provider)
    return provider


@lru_cache(maxsize=1)
def _ids() -> Any:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """Of the trace that the thread is to begin next, if one was drawn for it."""

        def generate_trace_id(self) -> int:
            drawn, _next.trace_id = getattr(_next, "trace_id", 0), 0
            return drawn or super().generate_trace_id()

    return Ids()


def _next_trace(name: str) -> Context:
    """A new one, kept or not, as OTEL_TRACES_SAMPLER says; asked again at the span, it must say the
    same of the same id, as all of the SDK's do. Some are drawn at once: amid all the rest of a
    request a single one takes eight times as long."""
    drawn = _drawn(name)
    while True:
        try:
            return drawn.pop()
        except IndexError:
            drawn.extend(_draw(name) for _ in range(AT_ONCE))


def _draw(name: str) -> Context:
    ids, sampler = _ids(), _provider().sampler
    trace_id = ids.generate_trace_id()
    kept = sampler.should_sample(None, trace_id, name, _kind("SERVER")).decision.is_sampled()
    return Context(f"00-{trace_id:032x}-{ids.generate_span_id():016x}-{kept:02x}")


@lru_cache(maxsize=8)
def _drawn(_name: str) -> list[Context]:
    return []


os.register_at_fork(after_in_child=_drawn.cache_clear)  # else both have the same ones


def _leave(provider: Any) -> None:
    """What is left still goes out. A collector that is away does not hold up the end of a process,
    and so the start of the next: the SDK itself would try for half a minute."""
    last = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
    last.start()
    last.join(LEAVING_SECONDS)


@lru_cache(maxsize=1)
def _tracer() -> Any:
    return _provider().get_tracer("hongyan")


def _parent(context: Context) -> Any:
    from opentelemetry.context import Context as Carried
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    if not context.traceparent:
        return Carried()
    return set_span_in_context(NonRecordingSpan(_told(context)), Carried())


def _told(context: Context) -> Any:
    """As the SDK has it. Read here, for a propagator takes ten times as long."""
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace_id, span_id, flags = context.traceparent.split("-")
    kept = TraceFlags(int(flags, 16))
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=kept)


def _context(one: Any, baggage: str) -> Context:
    told = one.get_span_context()
    traceparent = f"00-{told.trace_id:032x}-{told.span_id:016x}-{int(told.trace_flags):02x}"
    return Context(traceparent, baggage)


def _kind(name: str) -> Any:
    from opentelemetry.trace import SpanKind

    return SpanKind[name]
