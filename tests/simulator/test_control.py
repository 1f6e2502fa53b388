"""`/_control/`: faults, latency, busy, the records, its own refusals; the page and its stream."""

import json
import threading
import time
from typing import Any

import pytest
import requests

from .conftest import FOLLOWER, HISTORY, SEND, Official
from .process import SimulatorProcess


def fault(official: Official, **fields: Any) -> None:
    official.simulator.control("POST", "/faults", {"appid": official.appid, **fields})


def test_a_fault_with_times_is_used_up(official: Official) -> None:
    fault(official, errcode=45011, times=2)
    assert [official.send()["errcode"] for _ in range(3)] == [45011, 45011, 0]
    assert official.simulator.control("GET", "/state")["faults"] == []


def test_faults_last_until_cleared(official: Official) -> None:
    fault(official, errcode=-1, openid=FOLLOWER)
    assert official.send()["errcode"] == -1
    assert official.send("oSIM-ok_____________________")["errcode"] == 0
    official.simulator.control("DELETE", "/faults")
    assert official.send()["errcode"] == 0


def test_a_fault_can_hit_another_path(official: Official) -> None:
    fault(official, path="/cgi-bin/stable_token", http_status=503, times=1)
    assert official.raw("/cgi-bin/stable_token", {"appid": official.appid}).status_code == 503
    assert "access_token" in official.stable()


@pytest.mark.parametrize(("action", "accepted"), [("reset", 1), ("reset_before_accept", 0)])
def test_a_connection_can_be_cut(official: Official, action: str, accepted: int) -> None:
    fault(official, action=action, times=1)
    with pytest.raises(requests.ConnectionError):
        official.send()
    assert len(official.messages()) == accepted


def test_an_answer_can_be_withheld_after_accepting(official: Official) -> None:
    fault(official, action="timeout_after_accept", seconds=30, times=1)
    with pytest.raises(requests.ReadTimeout):
        official.raw(SEND, official.body(), timeout=0.2)
    assert len(official.messages()) == 1


def test_an_answer_can_be_slow_or_html(official: Official) -> None:
    fault(official, action="html", times=1)
    assert official.raw(SEND, official.body()).status_code == 502
    fault(official, action="slow", seconds=0.2, times=1)
    started = time.monotonic()
    assert official.send()["errcode"] == 0
    assert time.monotonic() - started >= 0.2


def test_latency_delays_answers(official: Official) -> None:
    official.simulator.control("POST", "/latency", {"median_ms": 100, "sigma": 0})
    started = time.monotonic()
    official.send()
    assert 0.09 < time.monotonic() - started < 3


def test_too_many_at_once_are_told_that_the_system_is_busy(official: Official) -> None:
    official.simulator.control("POST", "/latency", {"median_ms": 300, "sigma": 0})
    official.simulator.control("POST", "/busy", {"above_concurrency": 2})
    codes: list[int] = []

    def one() -> None:
        address = f"{official.simulator.url}{SEND}?access_token={official.token}"
        codes.append(requests.post(address, json=official.body(), timeout=5).json()["errcode"])

    threads = [threading.Thread(target=one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [-1, -1, -1, 0, 0]


def test_raw_requests_are_kept(official: Official) -> None:
    official.post(SEND, None, data=b"nonsense", headers={"User-Agent": "tester"})
    row = official.simulator.control("GET", "/requests", limit=1)["requests"][0]
    assert (row["path"], row["body"], row["errcode"]) == (SEND, "nonsense", 47001)
    assert row["headers"]["user-agent"] == "tester"
    assert official.token not in json.dumps(row)


def test_messages_are_filtered_and_paged(official: Official) -> None:
    for number in range(4):
        official.send(client_msg_id=f"m{number}", url="https://e.org/")
    [found] = official.messages(client_msg_id="m2")
    assert (found["openid"], found["url"]) == (FOLLOWER, "https://e.org/")
    later = official.messages(after=str(found["n"]), limit="1")
    assert [row["client_msg_id"] for row in later] == ["m3"]


def test_reset_keeps_accounts_and_tokens(official: Official) -> None:
    official.send()
    fault(official, errcode=-1)
    official.simulator.control("POST", "/reset")
    assert official.messages() == []
    assert official.counters()["sends"] == 0
    assert official.send()["errcode"] == 0


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/accounts", b"{", "not JSON"),
        ("/accounts", b"[]", "must be a JSON object"),
        ("/accounts", b'{"appid":"x"}', "16 hex digits"),
        ("/accounts", b'{"appid":"wx0123456789abcdef","color":1}', "unknown field"),
        ("/accounts", b'{"appid":"wx0123456789abcdef","callback_mode":"safe"}', "encoding_aes_key"),
        ("/faults", b"{}", "exactly one"),
        ("/faults", b'{"action":"explode"}', "must be one of"),
        ("/latency", b'{"median_ms":"fast"}', "must be a number"),
        ("/receipts", b'{"lose":true}', "must be a number"),
        ("/kill-token", b'{"appid":"wx"}', "no account"),
    ],
)
def test_bad_control_calls_say_what_is_wrong(
    simulator: SimulatorProcess, path: str, body: bytes, says: str
) -> None:
    answer = requests.post(f"{simulator.url}/_control{path}", data=body, timeout=5)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_an_unknown_control_path_is_404(simulator: SimulatorProcess) -> None:
    answer = requests.get(f"{simulator.url}/_control/nothing", timeout=5)
    assert answer.status_code == 404
    assert "state" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/", "/static/phones.css", "/static/phones.js"])
def test_the_page_needs_nothing_from_elsewhere(simulator: SimulatorProcess, path: str) -> None:
    answer = requests.get(simulator.url + path, timeout=5)
    assert answer.status_code == 200
    assert "http" not in answer.text


def test_a_card_of_a_history_template_is_folded(official: Official) -> None:
    data = {"first": {"value": "您好"}, "keyword1": {"value": "长" * 25}}
    official.send(template_id=HISTORY, data=data)
    [card] = official.simulator.control("GET", "/phones")["cards"]
    assert card["rows"] == [["姓名", "长" * 20 + "…"]]


def test_the_stream_tells_new_cards(official: Official) -> None:
    address = f"{official.simulator.url}/_control/stream"
    with requests.get(address, stream=True, timeout=5) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith(b":")
        official.send()
        line = next(line for line in lines if line.startswith(b"data: "))
    assert json.loads(line[6:])["cards"][0]["openid"] == FOLLOWER
