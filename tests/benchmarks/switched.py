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

from notifier import tracing


class Spent(TypedDict):
    """Seconds of the processor's."""

    off: list[float]
    on: list[float]
    """Of each request's thread."""
    exporting: float
    """Of the thread that hands traces over."""
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
_exporting = [0.0]
_count, _is_on = values.ValueClass.inc, tracing.is_on


def _counts_here(value: Any, amount: float) -> None:
    if getattr(_here, "is_on", True):
        _count(value, amount)


def _traces_here() -> bool:
    return getattr(_here, "is_on", True) and _is_on()


values.ValueClass.inc = _counts_here
tracing.is_on = _traces_here  # type: ignore[assignment]
if _is_on():
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    _export = OTLPSpanExporter.export

    def _exports(exporter: Any, spans: Any) -> Any:
        began = time.thread_time()
        try:
            return _export(exporter, spans)
        finally:
            _exporting[0] += time.thread_time() - began

    OTLPSpanExporter.export = _exports  # type: ignore[method-assign]


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == ASKED:
        answer = json.dumps(_told()).encode()
        start("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]
    _here.is_on = is_on = random.random() < 0.5
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
            "exporting": _exporting[0],
            "process": time.process_time(),
        }
        for each in _spent.values():
            each.clear()
        _exporting[0] = 0.0
    return told
