"""Errors as RFC 9457 problem details: one shape for whatever goes wrong."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import bad_request as bad_request_page
from django.views.defaults import page_not_found
from django.views.defaults import server_error as server_error_page
from rest_framework import exceptions
from rest_framework.views import set_rollback

from notifier.access.keys import WrongAddress, WrongScope
from notifier.access.rates import TooMany
from notifier.campaigns.states import NotAllowed
from notifier.intake.errors import Changing, Fault, InProgress, KeyReused, Rejected
from notifier.models.away import AWAY, leave_read_only
from notifier.observability.requests import current_request_id
from notifier.recipients.imports.problems import in_words

log = logging.getLogger(__name__)


class InvalidRequest(Exception):
    """The body is not what the endpoint takes."""

    def __init__(self, faults: Sequence[Fault], status: int = 400) -> None:
        super().__init__()
        self.faults = faults
        self.status = status


class TestKey(Exception):
    """A test key reaches the sandbox alone."""


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """`kind` is stable: programs may compare `type`; people read `title` and `detail`."""
    body: dict[str, Any] = {
        "type": f"urn:hongyan:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": faults_as_json(faults),
        "request_id": current_request_id(),
    }
    return HttpResponse(
        orjson.dumps(body),
        status=status,
        content_type="application/problem+json",
        headers=dict(headers or {}),
    )


def faults_as_json(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [
        {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in faults
    ]


def problem_response(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER."""
    set_rollback()
    for kinds, answer in _ANSWERS:
        if isinstance(error, kinds):
            return answer(error)
    log.error("API request failed", exc_info=error)
    return unexpected()


def _rejected(error: Rejected) -> HttpResponse:
    detail = _sentence(error.faults)
    return problem(422, "rejected", "The message cannot be accepted.", detail, error.faults)


def _invalid(error: InvalidRequest) -> HttpResponse:
    return problem(
        error.status,
        "invalid-request",
        "The request is not well-formed.",
        _sentence(error.faults),
        error.faults,
    )


def _key_reused(_error: KeyReused) -> HttpResponse:
    return problem(
        422,
        "idempotency-key-reused",
        "The Idempotency-Key was used before.",
        "It belongs to another request. Use a new key for a new message.",
    )


def _in_progress(_error: InProgress) -> HttpResponse:
    return problem(
        409,
        "request-in-progress",
        "A request with this Idempotency-Key is running.",
        "Wait a second and send the same request again.",
        headers={"Retry-After": "1"},
    )


def _changing(_error: Changing) -> HttpResponse:
    return problem(
        503,
        "changing",
        "What the request names was changed at this moment.",
        "Nothing was accepted. Send the same request again.",
        headers={"Retry-After": "1"},
    )


def _unauthorized(error: exceptions.NotAuthenticated) -> HttpResponse:
    return problem(
        401,
        "unauthorized",
        "Unauthorized.",
        "Send your API key: Authorization: Bearer <key>.",
        headers={"WWW-Authenticate": getattr(error, "auth_header", "Bearer")},
    )


def _wrong_scope(error: WrongScope) -> HttpResponse:
    return problem(
        403,
        "missing-scope",
        "The key may not do this.",
        f"It needs the scope {error.scope}; your key has {', '.join(error.scopes) or 'none'}.",
    )


def _wrong_address(error: WrongAddress) -> HttpResponse:
    return problem(
        403,
        "address-not-allowed",
        "The key may not be used from here.",
        f"The request came from {error}, which is in none of the key's networks.",
    )


def _test_key(_error: TestKey) -> HttpResponse:
    return problem(
        403,
        "test-key",
        "A test key cannot do this.",
        "It reaches the sandbox alone. Use a live key with the same scope.",
    )


def _not_allowed(error: NotAllowed) -> HttpResponse:
    return problem(409, "not-now", "That cannot be done now.", in_words(error.text, error.params))


def _too_many(error: TooMany) -> HttpResponse:
    limit = error.standing
    detail = f"Your key may send {limit.most} messages a {limit.name}, {limit.left} are left. "
    if not error.fits:
        return problem(
            422, "over-limit", "So many never fit the key's limit.", f"{detail}Send fewer at once."
        )
    return problem(
        429,
        "too-many-messages",
        "Too many messages.",
        f"{detail}Nothing was accepted; send it again in {limit.seconds} s.",
        headers={"Retry-After": str(limit.seconds)},
    )


def _not_found(_error: Exception) -> HttpResponse:
    return problem(404, "not-found", "Not found.", "There is nothing at this address.")


def unavailable(error: Exception) -> HttpResponse:
    log.warning("the database is away (%s)", type(error).__name__)
    leave_read_only(error)
    return problem(
        503,
        "unavailable",
        "The database is away.",
        "Nothing was accepted. Send it again with the same Idempotency-Key in a few seconds.",
        headers={"Retry-After": "5"},
    )


def unexpected() -> HttpResponse:
    return problem(
        500,
        "internal-error",
        "Something went wrong on our side.",
        "Nothing was accepted. Send it again with the same Idempotency-Key; if it goes on, tell "
        "the operators the request_id.",
    )


def too_large(limit: int) -> HttpResponse:
    return problem(
        413,
        "body-too-large",
        "The request body is too large.",
        f"At most {limit} bytes are accepted.",
    )


def too_late(state: str) -> HttpResponse:
    return problem(
        409,
        "too-late",
        "It is too late to cancel the message.",
        f"The message is {state}: only what waits can be cancelled.",
    )


def in_the_air() -> HttpResponse:
    return problem(
        409,
        "in-the-air",
        "A message to the person is being sent at this moment.",
        "Nothing was erased. Ask again in a minute.",
        headers={"Retry-After": "60"},
    )


def malformed(detail: str) -> HttpResponse:
    return problem(400, "invalid-request", "The request is not well-formed.", detail)


def _drf_problem(error: exceptions.APIException) -> HttpResponse:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    title = HTTPStatus(error.status_code).phrase
    kind = title.lower().replace(" ", "-")
    return problem(error.status_code, kind, f"{title}.", str(error.detail), headers=headers)


Errors = type[Exception] | tuple[type[Exception], ...]
_ANSWERS: tuple[tuple[Errors, Callable[..., HttpResponse]], ...] = (
    (Rejected, _rejected),
    (InvalidRequest, _invalid),
    (KeyReused, _key_reused),
    (InProgress, _in_progress),
    (Changing, _changing),
    (WrongScope, _wrong_scope),
    (WrongAddress, _wrong_address),
    (TooMany, _too_many),
    (TestKey, _test_key),
    (NotAllowed, _not_allowed),
    (exceptions.NotAuthenticated, _unauthorized),
    ((Http404, exceptions.NotFound), _not_found),
    (exceptions.APIException, _drf_problem),
    (AWAY, unavailable),
)
"""The first that fits."""


def _sentence(faults: Sequence[Fault]) -> str:
    return " ".join(fault.detail for fault in faults)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if request.path.startswith("/api/"):
        return malformed("Its Host header or its parameters are refused.")
    return bad_request_page(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if request.path.startswith("/api/"):
        return _not_found(exception)
    return page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return unexpected() if request.path.startswith("/api/") else server_error_page(request)
