"""How long requests take: a histogram for each route, a line for slow ones, and for staff the
`Server-Timing` header, which browsers show beside the request.

Measured with `python -m tests.benchmarks.middleware`.
"""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

from notifier import metrics, tracing
from notifier.observability.requests import current_request_id
from notifier.redaction import clean
from notifier.tracing.allowance import Work

log = logging.getLogger(__name__)

PAGES = "/admin/"
CALLBACKS = "/wechat/"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Queries:
    """Around each statement of a page."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(*args)
        finally:
            self.count += 1
            self.seconds += time.perf_counter() - started


def request_time(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware; outside of all others but the request id."""

    def middleware(request: HttpRequest) -> HttpResponse:
        work: Work = "callback" if request.path_info.startswith(CALLBACKS) else "request"
        if tracing.passes(work, request.META):
            return timed(request)
        with tracing.serving(request.META, request.method or "") as span:
            response = timed(request)
            _tell(span, request, response)
        return response

    def timed(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        if not request.path_info.startswith(PAGES):
            response = get_response(request)
            _note(request, response, time.perf_counter() - started)
            return response
        queries = _Queries()
        with connection.execute_wrapper(queries):
            response = get_response(request)
        seconds = time.perf_counter() - started
        _note(request, response, seconds)
        # Not `request.user`: where nobody has asked for it yet it would ask the database.
        if getattr(getattr(request, "_cached_user", None), "is_staff", False):
            response["Server-Timing"] = (
                f'db;dur={queries.seconds * 1000:.1f};desc="{queries.count} statements", '
                f"all;dur={seconds * 1000:.1f}"
            )
        return response

    return middleware


def _tell(span: Any, request: HttpRequest, response: HttpResponse) -> None:
    """The address itself names persons and messages: only its route is told."""
    match = request.resolver_match
    span.update_name(f"{request.method} /{match.route if match else ''}")
    span.set_attribute("http.request.method", request.method or "")
    span.set_attribute("http.route", f"/{match.route}" if match else "")
    span.set_attribute("http.response.status_code", response.status_code)
    span.set_attribute("hongyan.request_id", clean(current_request_id()))
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        tracing.fail(span, f"answered {response.status_code}")


def _note(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    match = request.resolver_match
    route = match.route if match else "-"
    method = request.method if request.method in METHODS else "-"
    status = f"{response.status_code // 100}xx"
    metrics.later.note(metrics.request_seconds, (route, method, status), seconds)
    if seconds > settings.SLOW_REQUEST_SECONDS and not response.streaming:  # as long as it is
        log.warning("slow: %s /%s %d took %.2f s", method, route, response.status_code, seconds)
