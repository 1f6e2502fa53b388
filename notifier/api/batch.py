"""Many messages in one request: a JSON list, or a stream of lines of any length."""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any, cast

import msgspec
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import FileResponse, HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from notifier.access.chunked import is_chunked
from notifier.access.rates import TooMany
from notifier.api.bodies import RowBody, decoded, read_row
from notifier.api.callers import kept, origin_of
from notifier.api.errors import InvalidRequest, faults_as_json, problem, problem_response
from notifier.api.views import MAX_KEY_LENGTH, Endpoint, idempotency_key
from notifier.intake.batch import Refused, Result, Row, accept_batch
from notifier.intake.errors import Fault
from notifier.models import Scope, State

log = logging.getLogger(__name__)

MAX_ROWS = 1000
MAX_WHOLE_KEY = MAX_KEY_LENGTH - 15
"""Of the request's own Idempotency-Key; each row's has its number behind it."""
IN_MEMORY = 1 << 20
"""Bytes of a stream's results; more are kept in a file until they are sent."""
NDJSON = "application/x-ndjson"

AGAIN = "Send this line again, with the same idempotency_key if it has one"
AWAY = Fault("", "unavailable", f"The database was away or what is named changed. {AGAIN}.")
FAILED = Fault(
    "",
    "internal_error",
    f"Something went wrong on our side. {AGAIN}; if it goes on, tell the operators the "
    "X-Request-ID.",
)
LIMITED = Fault(
    "",
    "too_many_messages",
    "Your key may send %(most)d messages a %(window)s. Send this line and all after it again in "
    "%(seconds)d s.",
)
TOO_LARGE = Fault(
    "",
    "body_too_large",
    "The body is larger than %(bytes)d bytes. Send this line and all after it in a new request.",
)
BROKE_OFF = Fault(
    "", "body_broke_off", "The body broke off. Send this line and all after it in a new request."
)
"""Why lines of a stream were not tried."""


class BatchBody(Struct, forbid_unknown_fields=True):
    """POST /messages/batch. A row that is wrong is no reason to refuse the others."""

    messages: list[msgspec.Raw]
    all_or_nothing: bool = False


_decode_batch = msgspec.json.Decoder(BatchBody).decode


class BatchOfMessages(Endpoint):
    scopes = {"POST": Scope.BULK}
    max_body = "API_MAX_BATCH_BYTES"

    def post(self, request: Request) -> HttpResponse:
        body = decoded(_decode_batch, request.body)
        if not 0 < len(body.messages) <= MAX_ROWS:
            text = f"1 to {MAX_ROWS} messages; for more there is /messages/stream."
            raise InvalidRequest([Fault("/messages", "wrong_count", text)], status=422)
        whole = idempotency_key(request, MAX_WHOLE_KEY)
        self.spend(request, len(body.messages))
        try:
            results = _results(request, whole, enumerate(body.messages), body.all_or_nothing)
        except Refused as refused:
            return _refused(refused.results)
        accepted = sum(one.id is not None for one in results)
        answer = {
            "accepted": accepted,
            "rejected": len(results) - accepted,
            "results": [_answer(one) for one in results],
        }
        return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


class StreamOfMessages(Endpoint):
    """POST /messages/stream: a message a line; the answer has a line for each, in their order.

    Lines are accepted while more come. The answer begins when the last one was read: a client that
    reads nothing before it has sent everything, as most do, would wait for us and we for it.

    What is accepted is always told: if something fails after that, the lines that are left have
    the status `not_tried`. A body that is too large or breaks off has one such line, its last.
    """

    scopes = {"POST": Scope.BULK}
    max_body = "API_MAX_STREAM_BYTES"
    is_stream = True

    def post(self, request: Request) -> FileResponse:
        whole = idempotency_key(request, MAX_WHOLE_KEY)
        kept = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed with the answer
        lines = Lines(cast(Any, request)._request)
        numbered = iter(lines)
        broken: Fault | None = None
        while chunk := list(islice(numbered, MAX_ROWS)):
            answers: list[dict[str, Any]] = []
            if not broken:
                try:
                    self.spend(request, len(chunk))
                    answers = [_answer(one) for one in _results(request, whole, chunk)]
                except Exception as error:
                    if not kept.tell():  # nothing was accepted: an error as of any request
                        kept.close()
                        raise
                    broken = _told(error)
            for place, (number, _row) in enumerate(chunk):
                answer = _not_tried(broken) if broken else answers[place]
                kept.write(_as_line(number, answer))
        if lines.cut:
            kept.write(_as_line(lines.number + 1, _not_tried(lines.cut)))
        headers = {"Content-Length": str(kept.tell())}
        kept.seek(0)
        return FileResponse(kept, content_type=NDJSON, headers=headers)


class Lines:
    """(number, line) of each that is not blank; of one that is too long only the beginning, which
    is no JSON. `cut`: why the body is not read to its end, from line `number + 1` on."""

    def __init__(self, request: WSGIRequest) -> None:
        self._stream = request.environ["wsgi.input"] if is_chunked(request) else request
        self._left = settings.API_MAX_STREAM_BYTES
        self.number = 0
        self.cut: Fault | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while line := self._next():
            self.number += 1
            if line.strip():
                yield self.number, line

    def parts(self) -> Iterator[bytes]:
        """All of it, as it stands."""
        while line := self._next():
            yield line

    def _next(self) -> bytes:
        """Empty at the end."""
        limit = settings.API_MAX_BODY_BYTES
        try:
            line = part = self._read(limit)
            while len(part) == limit and not part.endswith(b"\n") and self._left >= 0:
                part = self._read(limit)
        except Exception as error:  # Django and each server have their own
            log.warning("the body of a stream broke off (%s)", type(error).__name__)
            self.cut = BROKE_OFF
            return b""
        if self._left < 0:
            most = {"bytes": settings.API_MAX_STREAM_BYTES}
            self.cut = replace(TOO_LARGE, params=most)
            return b""
        return line

    def _read(self, limit: int) -> bytes:
        part: bytes = self._stream.readline(limit)
        self._left -= len(part)
        return part


def _told(error: Exception) -> Fault:
    """Logged, and by name, as if the whole request had failed with it."""
    if isinstance(error, TooMany):
        params = {"most": error.standing.most, "window": error.standing.name}
        return replace(LIMITED, params=params | {"seconds": error.standing.seconds})
    is_away = problem_response(error, {}).status_code == HTTPStatus.SERVICE_UNAVAILABLE
    return AWAY if is_away else FAILED


def _not_tried(fault: Fault) -> dict[str, Any]:
    return {"status": "not_tried", "errors": faults_as_json([fault])}


def _as_line(number: int, answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"line": number} | answer) + b"\n"


def _results(
    request: Request,
    whole: str | None,
    numbered: Iterable[tuple[int, bytes | msgspec.Raw]],
    all_or_nothing: bool = False,
) -> list[Result]:
    """`whole`: the request's own key. Raises Refused."""
    results: list[Result | None] = []
    rows: dict[int, Row] = {}
    for place, (number, line) in enumerate(numbered):
        results.append(None)
        try:
            body = read_row(line)
            key = kept(request, _key_of(body, whole, number))
            rows[place] = Row(body.request(), key, _digest(body))
        except InvalidRequest as invalid:
            results[place] = Result(faults=tuple(invalid.faults))
    if all_or_nothing and any(results):
        raise Refused([one or Result() for one in results])
    accepted = dict(
        zip(rows, accept_batch(origin_of(request), [*rows.values()], all_or_nothing), strict=True)
    )
    return [one or accepted[place] for place, one in enumerate(results)]


def _key_of(body: RowBody, whole: str | None, number: int) -> str | None:
    """Its own, or its place under the request's: the same again at the same place is no other."""
    if body.idempotency_key is not None or whole is None:
        return body.idempotency_key
    return f"{whole}:{number}"


def _digest(body: RowBody) -> str:
    """As of the same message alone: its key may be used there and here."""
    return hashlib.sha256(body.digest_source()).hexdigest()


def _answer(result: Result) -> dict[str, Any]:
    if result.id is not None:
        return {"id": result.id.hex, "status": State.QUEUED.value, "replayed": result.replayed}
    return {"status": "rejected", "errors": faults_as_json(result.faults)}


def _refused(results: Sequence[Result]) -> HttpResponse:
    faults = [
        replace(fault, pointer=f"/messages/{place}{fault.pointer}")
        for place, result in enumerate(results)
        for fault in result.faults
    ]
    return problem(
        422,
        "rejected",
        "Not all messages can be accepted.",
        "You asked for all or nothing, so none was accepted. Mend those named, or leave them out.",
        faults,
    )
