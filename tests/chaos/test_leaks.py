"""The hunt for leaks finds what is there, in each form it is written in."""

import json
from urllib.parse import quote

import pytest

from tests.chaos.leaks import hunt

SAID = "云南白茶"
NEEDLES = {"values": {SAID, "另一件"}, "tokens": {"71_abc+/="}}


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (f"sent {SAID}".encode(), "values"),
        (json.dumps({"data": SAID}).encode(), "values"),
        (b"GET /x?token=71_abc+/=", "tokens"),
        (f"GET /x?token={quote('71_abc+/=', safe='')}".encode(), "tokens"),
    ],
)
def test_what_is_there_is_found(written: bytes, what: str) -> None:
    (leak,) = hunt({"logs": b"before " + written + b" after", "traces": b""}, NEEDLES)
    assert (leak.what, leak.where, leak.count) == (what, "logs", 1)
    assert written[:6] in leak.around


def test_what_is_not_there_is_not() -> None:
    assert hunt({"logs": b"71_ab", "traces": SAID.encode()[:-1]}, NEEDLES) == []
