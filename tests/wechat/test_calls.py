"""Where the time of all other calls goes: told by the session's own connections."""

import socket
import time
from typing import Any

import pytest
import requests

from notifier.models import MessageEvent, State
from notifier.wechat.errors import Ambiguous, Unreachable
from notifier.wechat.phases import Phases
from notifier.wechat.session import shared_session
from tests.conftest import Platform
from tests.wechat.servers import free_address, serving, silent
from tests.wechat.test_phases import LONG, slow_body
from tests.wechat.test_tls import certificate, secure  # noqa: F401 - fixtures


@pytest.fixture
def told(make_client: Any) -> Any:
    """A client, its calls, and what was told of them."""
    calls: list[tuple[str, Phases]] = []

    def make(*addresses: str, **options: Any) -> tuple[Any, list[tuple[str, Phases]]]:
        client = make_client(*addresses, **options)._client
        client._told = lambda call, phases: calls.append((call, phases))
        return client, calls

    return make


def slowly(monkeypatch: Any, seconds: float = LONG) -> None:
    """The first look-up: those of an address after it ask nobody."""
    look_up, pauses = socket.getaddrinfo, [seconds]

    def slow(*arguments: Any, **named: Any) -> Any:
        time.sleep(pauses.pop() if pauses else 0)
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)


def test_each_call_tells_its_phases_and_the_next_reuses_the_connection(told):
    client, calls = told()
    client.templates()
    (token, first), (listed, second) = calls
    assert (token, listed) == (
        "/cgi-bin/stable_token",
        "/cgi-bin/template/get_all_private_template",
    )
    assert (first.host, first.is_reused, first.connection) == ("127.0.0.1", False, "new")
    assert first.dns > 0 < first.tcp
    assert first.wait > 0
    assert second.is_reused
    assert second.spent().keys() <= {"wait", "transfer"}


def test_a_name_that_is_looked_up_slowly_is_not_waiting(told, monkeypatch):
    client, calls = told()
    slowly(monkeypatch)
    client.fetch_token()
    phases = calls[0][1]
    assert phases.dns >= LONG
    assert phases.tcp + phases.wait + phases.transfer < LONG


def test_an_answer_whose_rest_comes_slowly(told):
    with serving(slow_body) as server:
        client, calls = told(server.url, timeout=(0.5, 2.0))
        client.date()
    phases = calls[0][1]
    assert phases.transfer >= LONG * 0.9
    assert phases.wait < LONG


def test_a_call_that_fails_tells_how_far_it_came(told):
    with serving(silent) as server:
        client, calls = told(server.url)
        with pytest.raises(Ambiguous):
            client.date()
    assert calls[0][1].wait >= 0.3
    client, calls = told(free_address())
    with pytest.raises(Unreachable):
        client.date()
    assert (calls[-1][1].connection, calls[-1][1].wait) == ("none", 0)


def test_a_handshake_that_hangs_is_told(told):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        client, calls = told(f"https://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises((Unreachable, Ambiguous)):
            client.date()
    phases = calls[0][1]
    assert phases.tls >= LONG
    assert (phases.connection, phases.wait) == ("none", 0)


def test_what_an_address_without_a_connection_cost_is_told(told, account):
    client, calls = told("http://no-such-host.invalid", account.simulator.url)
    client.date()
    (_, phases) = calls[0]
    assert phases.host == "127.0.0.1"
    assert phases.lost_at.keys() == {"no-such-host.invalid"}


def test_all_addresses_of_a_name_are_tried(told, account, monkeypatch):
    """As urllib3 does it: here the first does not answer."""
    port = int(account.simulator.url.rpartition(":")[2])
    look_up = socket.getaddrinfo

    def two(host: str, *rest: Any, **named: Any) -> Any:
        if host != "two.example":
            return look_up(host, *rest, **named)
        of = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*of, (address, port)) for address in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    client, calls = told(f"http://two.example:{port}")
    client.date()
    assert (calls[0][1].host, calls[0][1].connection) == ("two.example", "new")


def test_tls_has_a_phase_of_its_own(secure, monkeypatch):  # noqa: F811 - a fixture
    from templates_app.signals import wechat_asked
    from templates_app.wechat import new_client

    _, platform = secure
    asked: list[dict[str, Any]] = []

    def hear(**told: Any) -> None:
        asked.append(told)

    wechat_asked.connect(hear)
    try:
        new_client(platform.account).templates()
    finally:
        wechat_asked.disconnect(hear)
    assert {one["account"] for one in asked} == {platform.account.pk}
    assert asked[0]["phases"].tls > 0
    assert asked[0]["phases"].wait > 0


def test_a_message_tells_where_its_tokens_time_went(platform: Platform, work, monkeypatch):
    shared_session.cache_clear()  # no connection is kept
    slowly(monkeypatch)
    platform.message()
    work()
    event = MessageEvent.objects.get(state=State.SENT)
    call = event.phases["token_call"]
    assert call["dns"] >= LONG * 1000
    assert event.phases["token"] >= call["dns"]


def test_the_session_measures_for_nobody_else(session: requests.Session, account):
    """Used without `ask`, it is as any session."""
    assert session.get(account.simulator.url, timeout=5).status_code in (200, 404)
