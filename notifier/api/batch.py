"""Many messages in one request: a JSON list, or a stream of lines of any length."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any, cast

import msgspec
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import FileResponse, HttpResponse
from msgspec import Struct
from rest_framework.request import Request

from notifier.api.bodies import RowBody, decoded, read_row
from notifier.api.errors import InvalidRequest, faults_as_json, problem
from notifier.api.views import Endpoint
from notifier.intake.batch import Refused, Result, Row, accept_batch
from notifier.intake.errors import Fault
from notifier.models import ApiClient, State

MAX_ROWS = 1000
IN_MEMORY = 1 << 20
"""Bytes of a stream's results; more are kept in a file until they are sent."""
NDJSON = "application/x-ndjson"


class BatchBody(Struct, forbid_unknown_fields=True):
    """POST /messages/batch. A row that is wrong is no reason to refuse the others."""

    messages: list[msgspec.Raw]
    all_or_nothing: bool = False


_decode_batch = msgspec.json.Decoder(BatchBody).decode


class BatchOfMessages(Endpoint):
    max_body = "API_MAX_BATCH_BYTES"

    def post(self, request: Request) -> HttpResponse:
        body = decoded(_decode_batch, request.body)
        if not 0 < len(body.messages) <= MAX_ROWS:
            text = f"1 to {MAX_ROWS} messages; for more there is /messages/stream."
            raise InvalidRequest([Fault("/messages", "wrong_count", text)], status=422)
        client = cast(ApiClient, request.user)
        try:
            results = _results(client, body.messages, body.all_or_nothing)
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
    """

    max_body = "API_MAX_STREAM_BYTES"

    def post(self, request: Request) -> FileResponse:
        client = cast(ApiClient, request.user)
        kept = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed with the answer
        numbered = enumerate(_lines(cast(Any, request)._request), 1)
        lines = ((number, line) for number, line in numbered if line.strip())
        while chunk := list(islice(lines, MAX_ROWS)):
            results = _results(client, [line for _number, line in chunk])
            for (number, _line), result in zip(chunk, results, strict=True):
                kept.write(msgspec.json.encode({"line": number} | _answer(result)) + b"\n")
        headers = {"Content-Length": str(kept.tell())}
        kept.seek(0)
        return FileResponse(kept, content_type=NDJSON, headers=headers)


def _lines(request: WSGIRequest) -> Iterator[bytes]:
    """Of one that is too long only the beginning, which is no JSON."""
    limit = settings.API_MAX_BODY_BYTES
    chunked = request.environ.get("wsgi.input_terminated") and not request.META.get(
        "CONTENT_LENGTH"
    )
    stream = request.environ["wsgi.input"] if chunked else request
    while line := stream.readline(limit):
        yield line
        while len(line) == limit and not line.endswith(b"\n"):
            line = stream.readline(limit)


def _results(
    client: ApiClient, lines: Sequence[bytes | msgspec.Raw], all_or_nothing: bool = False
) -> list[Result]:
    """Raises Refused."""
    results: dict[int, Result] = {}
    rows: dict[int, Row] = {}
    for place, line in enumerate(lines):
        try:
            body = read_row(line)
            rows[place] = Row(body.request(), body.idempotency_key, _digest(body))
        except InvalidRequest as invalid:
            results[place] = Result(faults=tuple(invalid.faults))
    if all_or_nothing and results:
        raise Refused([results.get(place, Result()) for place in range(len(lines))])
    accepted = accept_batch(client, list(rows.values()), all_or_nothing)
    results |= dict(zip(rows, accepted, strict=True))
    return [results[place] for place in range(len(lines))]


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
