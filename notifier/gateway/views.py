"""/gateway/cgi-bin/…: WeChat's API in front of Hongyan. One view, and a table of what it serves."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from notifier.access.chunked import take_in
from notifier.gateway import callers, listing, people, sending
from notifier.gateway.answers import Refusal, answer, refused
from notifier.gateway.bodies import read_json
from notifier.gateway.callers import Caller
from notifier.intake.errors import Changing, InProgress, KeyReused
from notifier.models import Scope
from notifier.models.away import AWAY, leave_read_only
from notifier.observability.requests import client_address

log = logging.getLogger(__name__)

Answer = dict[str, Any]
Handle = Callable[[Caller, Mapping[str, str], bytes], Answer]
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    scope: Scope
    """What the API key must be allowed."""
    handle: Handle


ROUTES: dict[str, Route] = {
    "cgi-bin/message/template/send": Route("POST", Scope.SEND, sending.send),
    "cgi-bin/template/get_all_private_template": Route("GET", Scope.READ, listing.templates),
    "cgi-bin/user/get": Route("GET", Scope.RECIPIENTS, people.listed),
    "cgi-bin/user/info": Route("GET", Scope.RECIPIENTS, people.info),
    "cgi-bin/user/info/batchget": Route("POST", Scope.RECIPIENTS, people.batch),
}
UNSUPPORTED = "Hongyan's gateway does not serve this API; it serves token, stable_token, " + (
    ", ".join(path.removeprefix("cgi-bin/") for path in ROUTES)
)
BUSY = "nothing was accepted; send the same request again"


@csrf_exempt
def gateway(request: HttpRequest, path: str) -> HttpResponse:
    """WeChat's answer to whatever comes: 200 and JSON."""
    try:
        return answer(_answered(request, path))
    except Refusal as refusal:
        return refused(refusal, _named(path))
    except SuspiciousOperation:  # too many parameters, for Django
        return refused(Refusal(40035), _named(path))
    except (InProgress, Changing, KeyReused, UnreadablePostError):
        return refused(Refusal(-1, hint=BUSY), _named(path))
    except AWAY as error:
        leave_read_only(error)
        log.warning("the database is away (%s)", type(error).__name__)
        return refused(Refusal(-1, hint=BUSY), _named(path))
    except Exception:
        log.exception("a call of the gateway failed")
        return refused(Refusal(-1), _named(path))


def _named(path: str) -> str:
    """For the log: of a path that we do not serve nothing is repeated."""
    return path if path in ROUTES or path in OPEN else "another path"


def _answered(request: HttpRequest, path: str) -> Answer:
    if settings.HTTPS_ONLY and not request.is_secure():
        raise Refusal(43003)
    if handle := OPEN.get(path):
        return handle(request)
    route = ROUTES.get(path)
    if route is None:
        raise Refusal(48001, hint=UNSUPPORTED)
    _require(request, route.method)
    token = request.GET.get("access_token", "")
    caller = callers.by_token(token, client_address(request), route.scope)
    return route.handle(caller, request.GET, _body(request))


def _token(request: HttpRequest) -> Answer:
    _require(request, "GET")
    names = ("grant_type", "appid", "secret")
    given = (request.GET.get(name) for name in names)
    key, _gateway = callers.by_secret(client_address(request), *given)
    return callers.new_token(key)


def _stable_token(request: HttpRequest) -> Answer:
    _require(request, "POST")
    body = read_json(_body(request))
    names = ("grant_type", "appid", "secret")
    key, known = callers.by_secret(client_address(request), *(body.get(name) for name in names))
    return callers.stable_token(key, known, force=body.get("force_refresh") is True)


OPEN: dict[str, Callable[[HttpRequest], Answer]] = {
    "cgi-bin/token": _token,
    "cgi-bin/stable_token": _stable_token,
}


def _require(request: HttpRequest, method: str) -> None:
    if request.method != method:
        raise Refusal(43001 if method == "GET" else 43002)


def _body(request: HttpRequest) -> bytes:
    """Refused before it is read when it is too large."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not _LENGTH.fullmatch(length):  # Django would raise ValueError
        raise Refusal(47001)
    limit = settings.API_MAX_BODY_BYTES
    if int(length) > limit or not take_in(request, limit):
        raise Refusal(45002)
    return request.body
