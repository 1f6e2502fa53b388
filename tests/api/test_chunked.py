"""Bodies without a length, as .NET's, Go's and Node's HTTP clients send them."""

import io
import json

import pytest

from notifier.models import Message
from tests.api.conftest import URL, assert_problem


@pytest.fixture
def chunked(api):
    def send(body, address=URL):
        stream = body if isinstance(body, io.BytesIO) else io.BytesIO(json.dumps(body).encode())
        return api.generic(
            "POST",
            address,
            b"",
            **{"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        )

    return send


def test_a_body_without_a_length_is_read(chunked, body):
    assert chunked(body).status_code == 202
    answer = chunked({"messages": [body, body]}, f"{URL}/batch")
    assert answer.json()["accepted"] == 2
    assert Message.objects.count() == 3


def test_it_is_read_up_to_the_limit(chunked, body, settings):
    settings.API_MAX_BODY_BYTES = 2000
    stream = io.BytesIO(json.dumps(body | {"metadata": {"x": "y" * 100_000}}).encode())
    assert_problem(chunked(stream), 413)
    assert stream.tell() <= 2001


def test_one_that_breaks_off_is_no_error_of_ours(chunked, monkeypatch):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("the connection was reset")

    assert_problem(chunked(Broken()), 400)


def test_an_empty_one_is_named(chunked):
    answer = chunked(io.BytesIO())
    assert_problem(answer, 400, "", "not_json")
    assert "empty" in answer.json()["detail"]
