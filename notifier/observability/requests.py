"""The request id: taken from the caller's X-Request-ID or made, given back, and put into errors.
And the caller's address."""

import ipaddress
import os
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_current: ContextVar[str] = ContextVar("request_id", default="")
_ALLOWED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def current_request_id() -> str:
    return _current.get()


def client_address(request: HttpRequest) -> str:
    """The caller's IP address, empty if there is none. Of X-Forwarded-For only what our own proxies
    (settings.PROXY_COUNT) have appended is believed: the rest any caller can write."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.PROXY_COUNT:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        address = hops[-min(settings.PROXY_COUNT, len(hops))].strip() or address
    return _normalised(address)


@lru_cache(maxsize=256)
def _normalised(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


def request_id(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware; the first of all, so that every error carries the id."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        value = given if _ALLOWED.fullmatch(given) else os.urandom(16).hex()
        _current.set(value)
        response = get_response(request)
        response["X-Request-ID"] = value
        return response

    return middleware
