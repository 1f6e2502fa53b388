"""A message a line, and a line about each; what was accepted is told, whatever happens then."""

import io
import json

import pytest
from django.db import OperationalError

from notifier.api import batch as endpoint
from notifier.intake import batch as intake
from notifier.models import Message
from tests.api.conftest import URL, assert_problem

STREAM = f"{URL}/stream"


def codes(result):
    return [error["code"] for error in result["errors"]]


def lines(answer):
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


@pytest.fixture
def stream(api):
    def send(rows):
        raw = b"\n".join(
            row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows
        )
        return api.post(STREAM, raw, content_type="application/x-ndjson")

    return send


def test_a_stream_has_a_line_for_each_line(stream, body, settings):
    settings.API_MAX_BODY_BYTES = 2000
    long = json.dumps(body | {"metadata": {"x": "y" * 5000}}).encode()
    found = lines(stream([body, b"", b"{", body | {"template": "no"}, long, body]))
    assert [one["line"] for one in found] == [1, 3, 4, 5, 6]
    assert [one["status"] for one in found] == [
        "queued",
        "rejected",
        "rejected",
        "rejected",
        "queued",
    ]
    assert codes(found[1]) == ["not_json"]
    assert Message.objects.count() == 2


def test_a_long_stream(stream, body, monkeypatch):
    monkeypatch.setattr("notifier.api.batch.MAX_ROWS", 7)
    monkeypatch.setattr("notifier.api.batch.IN_MEMORY", 100)
    found = lines(stream([body | {"idempotency_key": f"k{n}"} for n in range(40)] + [b""] * 20))
    assert len({one["id"] for one in found}) == Message.objects.count() == 40
    assert lines(stream([])) == []


@pytest.fixture
def breaking(monkeypatch):
    """Chunks of two lines, of which the one with this number fails."""

    def breaks(number, error):
        def fail(*args):
            calls.append(1)
            if len(calls) == number:
                raise error
            return accept_batch(*args)

        calls, accept_batch = [], intake.accept_batch
        monkeypatch.setattr(endpoint, "MAX_ROWS", 2)
        monkeypatch.setattr(endpoint, "accept_batch", fail)

    return breaks


@pytest.mark.parametrize(
    ("error", "code"),
    [(OperationalError("password=secret"), "unavailable"), (ValueError(), "internal_error")],
)
def test_a_stream_that_fails_tells_what_was_accepted(stream, body, breaking, error, code):
    breaking(2, error)
    found = lines(stream([*[body | {"idempotency_key": f"k{n}"} for n in range(3)], b"{", body]))
    assert [(one["line"], one["status"]) for one in found] == [
        (1, "queued"),
        (2, "queued"),
        *((number, "not_tried") for number in (3, 4, 5)),
    ]
    assert {one["id"] for one in found[:2]} == {one.id.hex for one in Message.objects.all()}
    assert {codes(one)[0] for one in found[2:]} == {code}
    assert "secret" not in str(found)


def test_a_stream_of_which_nothing_was_accepted_fails_as_a_whole(stream, body, breaking):
    breaking(1, OperationalError())
    answer = stream([body] * 3)
    assert_problem(answer, 503)
    assert "Nothing was accepted" in answer.json()["detail"]


class Chunked(io.BytesIO):
    """A body that tells no length; `breaks_at`: the server fails to read on from there."""

    breaks_at = None

    def readline(self, size=-1):
        if self.breaks_at is not None and self.tell() >= self.breaks_at:
            raise OSError("the connection was reset")
        return super().readline(size)


@pytest.fixture
def chunked(api):
    def send(body):
        return api.generic(
            "POST",
            STREAM,
            b"",
            content_type="application/x-ndjson",
            **{"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        )

    return send


def test_a_stream_without_a_length_is_read_up_to_the_limit(chunked, body, settings):
    line = json.dumps(body).encode() + b"\n"
    settings.API_MAX_STREAM_BYTES = 3 * len(line)
    assert [one["status"] for one in lines(chunked(Chunked(line * 3)))] == ["queued"] * 3
    sent = Chunked(line * 1000)
    found = lines(chunked(sent))
    assert [one["status"] for one in found] == ["queued"] * 3 + ["not_tried"]
    assert (found[3]["line"], codes(found[3])) == (4, ["body_too_large"])
    assert str(3 * len(line)) in found[3]["errors"][0]["detail"]
    assert sent.tell() == 4 * len(line)


def test_a_line_without_an_end_is_read_up_to_the_limit(chunked, body, settings):
    settings.API_MAX_BODY_BYTES, settings.API_MAX_STREAM_BYTES = 2000, 10_000
    sent = Chunked(json.dumps(body).encode() + b"\n" + b"x" * 100_000)
    found = lines(chunked(sent))
    assert [one["status"] for one in found] == ["queued", "not_tried"]
    assert sent.tell() < 13_000


def test_a_stream_that_breaks_off_tells_what_was_accepted(chunked, body):
    sent = Chunked((json.dumps(body).encode() + b"\n") * 5)
    sent.breaks_at = 2 * len(sent.getvalue()) // 5
    found = lines(chunked(sent))
    assert [one["status"] for one in found] == ["queued", "queued", "not_tried"]
    assert (found[2]["line"], codes(found[2])) == (3, ["body_broke_off"])


def test_the_requests_own_key_serves_for_its_lines(api, body):
    raw = b"\n\n".join([json.dumps(body).encode()] * 3)

    def send(key):
        return lines(
            api.post(
                STREAM,
                raw,
                content_type="application/x-ndjson",
                headers={"Idempotency-Key": key},
            )
        )

    first, again = send("night-7"), send("night-7")
    assert [one["id"] for one in first] == [one["id"] for one in again]
    assert {one["replayed"] for one in again} == {True}
    send("n" * 240)
    assert Message.objects.count() == 6


def test_too_long_a_key_is_refused_before_anything_is_accepted(api, body):
    headers = {"Idempotency-Key": "n" * 241}
    answer = api.post(STREAM, json.dumps(body), content_type="text/plain", headers=headers)
    assert_problem(answer, 400)
