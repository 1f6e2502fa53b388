"""The platform as gunicorn serves it, which observes each request or does not, by lot: two
processes of the same code differ by several per cent, and one from block to block, more than what
is to be measured.

GET /_spent gives what was spent since it was asked last, as `Spent` says.
"""

from config.wsgi import application as observed  # isort: skip - sets Django up
import json
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypedDict

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from prometheus_client import values

from notifier import metrics, tracing


class Spent(TypedDict):
    """Seconds of the processor's."""

    off: list[float]
    on: list[float]
    """Of each request's thread."""
    beside: float
    """Of the threads that tell the counts and export traces."""
    process: float
    """Since it began: with what gunicorn does around the requests."""


ASKED = "/_spent"
_without = [one for one in settings.MIDDLEWARE if not one.endswith(".request_time")]
with override_settings(MIDDLEWARE=_without):
    unobserved = WSGIHandler()
settings.TRACES_PER_SECOND /= 2  # of half of the requests

_here = threading.local()
_lock = threading.Lock()
_spent: dict[bool, list[float]] = {False: [], True: []}
_beside = [0.0]


def _only_where_on(observe: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: getattr(_here, "is_on", True) and observe(*args)


def _timed(work: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*args: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*args)
        finally:
            with _lock:
                _beside[0] += time.thread_time() - began

    return timed


is_traced = tracing.is_on()
for _owner, _name in ((values.ValueClass, "inc"), (metrics.later, "note"), (tracing, "is_on")):
    setattr(_owner, _name, _only_where_on(getattr(_owner, _name)))
metrics.later.tell = _timed(metrics.later.tell)  # type: ignore[method-assign]
if is_traced:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    OTLPSpanExporter.export = _timed(OTLPSpanExporter.export)  # type: ignore[method-assign]


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == ASKED:
        answer = json.dumps(_told()).encode()
        start("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]
    _here.is_on = is_on = random.random() < 0.5
    tracing._current.set(tracing.NONE)
    began = time.thread_time()
    try:
        return (observed if is_on else unobserved)(environ, start)
    finally:
        seconds = time.thread_time() - began
        _here.is_on = True
        with _lock:
            _spent[is_on].append(seconds)


def _told() -> Spent:
    with _lock:
        told: Spent = {
            "off": _spent[False][:],
            "on": _spent[True][:],
            "beside": _beside[0],
            "process": time.process_time(),
        }
        for each in _spent.values():
            each.clear()
        _beside[0] = 0.0
    return told
