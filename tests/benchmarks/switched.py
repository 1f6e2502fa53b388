"""The platform as gunicorn serves it, whose observing is switched on and off while it runs: two
processes of the same code differ by several per cent, more than what is to be measured.

GET /_observe/on and /_observe/off; it begins on.
"""

from config.wsgi import application as observed  # isort: skip - sets Django up
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from prometheus_client import values

from notifier import tracing

SWITCH = "/_observe/"
ALL = 1_000_000
_without = [one for one in settings.MIDDLEWARE if not one.endswith(".request_time")]
with override_settings(MIDDLEWARE=_without):
    unobserved = WSGIHandler()

_counts, _traces = values.ValueClass.inc, tracing.is_on
_serving = observed


def _nothing(_value: object, _amount: float) -> None:
    """In place of counting."""


def _switch(is_on: bool) -> None:
    global _serving
    _serving = observed if is_on else unobserved
    values.ValueClass.inc = _counts if is_on else _nothing
    tracing.is_on = _traces if is_on else _never  # type: ignore[assignment]
    tracing.allowed("request", ALL)  # what was saved up meanwhile is not for this block


def _never() -> bool:
    return False


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"].startswith(SWITCH):
        _switch(environ["PATH_INFO"] == f"{SWITCH}on")
        start("200 OK", [("Content-Length", "0")])
        return [b""]
    return _serving(environ, start)
