"""The followers with a fixed fate."""

import time

import pytest
import requests

from .conftest import SEND, Callback, Official, magic, until


@pytest.mark.parametrize(
    ("name", "errcode"),
    [
        ("unfollowed", 43004),
        ("refused", 43101),
        ("blacklisted", 43019),
        ("toofast", 43117),
        ("invalid", 40003),
    ],
)
def test_refused_recipients(official: Official, name: str, errcode: int) -> None:
    assert official.send(magic(name))["errcode"] == errcode
    assert official.counters()["rejected"] == {str(errcode): 1}
    assert official.messages() == []


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ok", "success"),
        ("blocked", "failed:user block"),
        ("systemfailed", "failed: system failed"),
        ("freqlimit", "failed:freq limit"),
    ],
)
def test_receipts_by_fate(official: Official, callback: Callback, name: str, status: str) -> None:
    assert official.send(magic(name))["errcode"] == 0
    [push] = callback.wait()
    assert f"<Status><![CDATA[{status}]]></Status>" in push.body
    assert official.messages()[0]["delivered"] == (status == "success")


def test_busytwice_is_accepted_at_the_third_call(official: Official) -> None:
    codes = [official.send(magic("busytwice"), client_msg_id="b")["errcode"] for _ in range(3)]
    assert codes == [-1, -1, 0]
    assert official.messages()[0]["requests"] == 3


def test_timeout_is_accepted_though_the_first_answer_never_comes(official: Official) -> None:
    body = official.body(magic("timeout"), client_msg_id="t")
    with pytest.raises(requests.ReadTimeout):
        official.raw(SEND, body, timeout=0.3)
    assert official.post(SEND, body)["errcode"] == 0
    [message] = official.messages()
    assert (message["requests"], message["delivered"]) == (2, 1)


def test_reset_closes_the_connection_once_after_accepting(official: Official) -> None:
    body = official.body(magic("reset"), client_msg_id="r")
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        official.raw(SEND, body)
    assert official.post(SEND, body)["errcode"] == 0
    assert len(official.messages()) == 1


def test_html_answers_502_once_and_has_not_accepted(official: Official) -> None:
    body = official.body(magic("html"), client_msg_id="h")
    answer = official.raw(SEND, body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert official.messages() == []
    assert official.post(SEND, body)["errcode"] == 0


def test_slow_answers_after_three_seconds(official: Official) -> None:
    started = time.monotonic()
    assert official.send(magic("slow"))["errcode"] == 0
    assert 2.9 < time.monotonic() - started < 8


def test_early_receipt_is_there_before_the_answer(official: Official, callback: Callback) -> None:
    official.simulator.control("POST", "/receipts", {"median_ms": 60_000})
    msgid = official.send(magic("early"))["msgid"]
    assert f"<MsgID>{msgid}</MsgID>" in callback.pushes[0].body


def test_twice_and_noreceipt(official: Official, callback: Callback) -> None:
    official.send(magic("noreceipt"))
    msgid = official.send(magic("twice"))["msgid"]
    pushes = callback.wait(2)
    assert all(f"<MsgID>{msgid}</MsgID>" in push.body for push in pushes)
    until(lambda: official.counters()["receipts_acknowledged"] == 2)
    assert official.counters()["receipts_pending"] == 0
