"""Where the time of a call went: each phase is made long, and told."""

import asyncio
import socket
import threading
import time

import pytest

from notifier.wechat.errors import Ambiguous, Unreachable
from notifier.wechat.phases import Phases
from notifier.wechat.wire import Wire
from tests.wechat.conftest import body, with_token
from tests.wechat.servers import cutting, free_address, serving, silent

LONG = 0.2


def phases_of(client, error=None):
    phases = Phases()
    if error is None:
        client.send_template(body(), phases=phases)
    else:
        with pytest.raises(error):
            client.send_template(body(), phases=phases)
    return phases


def slow_body(connection: socket.socket, _request: bytes) -> None:
    """The head at once, the rest later."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{")
    time.sleep(LONG)
    connection.sendall(b'"errcode":0}')
    connection.close()


def test_the_first_call_opens_a_connection_and_the_next_reuses_it(make_client):
    client = make_client()
    first, second = phases_of(client), phases_of(client)
    assert (first.host, first.is_reused) == ("127.0.0.1", False)
    assert all(first.spent()[name] > 0 for name in ("token", "dns", "tcp", "wait"))
    assert second.is_reused
    assert second.spent().keys() <= {"wait", "transfer"}
    assert second.is_ordinary()
    assert not first.is_ordinary()


def test_of_a_call_that_is_made_again_with_a_new_token_both_are_told(account, make_client):
    with_token(account)
    client = make_client()
    phases_of(client)
    account.simulator.control("POST", "/latency", {"median_ms": 1000 * LONG, "sigma": 0})
    account.kill_token()
    phases = phases_of(client)
    assert phases.wait + phases.transfer >= 2 * LONG
    assert phases.token > 0


def test_a_name_that_is_looked_up_slowly(account, make_client, monkeypatch):
    with_token(account)
    look_up = socket.getaddrinfo

    def slowly(*arguments, **named):
        time.sleep(LONG)
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with serving(silent) as server:
        phases = phases_of(make_client(server.url), Ambiguous)
    assert phases.dns >= LONG
    assert phases.tcp < LONG


def test_many_wait_for_one_look_up(account, monkeypatch):
    """Each by itself they would wait for asyncio's few threads, and time out."""
    look_up, asked = socket.getaddrinfo, []

    def slowly(*arguments, **named):
        asked.append(arguments)
        time.sleep(LONG)
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    wire, seen = Wire((2.0, 2.0), ""), [Phases() for _ in range(60)]

    async def all_at_once():
        path, url = "/cgi-bin/message/template/send", account.simulator.url
        await asyncio.gather(*(wire.post(url, path, b"{}", phases=one) for one in seen))
        await wire.close()

    asyncio.run(all_at_once())
    assert len(asked) == 1
    assert max(one.dns for one in seen) < 2 * LONG


@pytest.mark.parametrize(
    "seconds", [[3.0], [0.6] * 9], ids=["the answer to the first is lost", "all are slow"]
)
def test_a_look_up_that_lasts_stops_nobody(account, monkeypatch, seconds):
    look_up, pauses = socket.getaddrinfo, iter(seconds)

    def slowly(*arguments, **named):
        time.sleep(next(pauses, 0))
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    wire = Wire((1.2, 2.0), "")

    async def one_by_one():
        path, url = "/cgi-bin/message/template/send", account.simulator.url
        async with asyncio.TaskGroup() as group:
            for _ in range(60):
                group.create_task(wire.post(url, path, b"{}"))
                await asyncio.sleep(0.01)
        await wire.close()

    asyncio.run(one_by_one())  # raises what any of them did


def test_names_that_hang_stop_no_other(account, monkeypatch):
    """However long the resolver waits: three take nine threads, asyncio's own are six here."""
    look_up, ended = socket.getaddrinfo, threading.Event()

    def hanging(host, *rest, **named):
        if host.startswith("dead"):
            ended.wait(10)
            raise socket.gaierror
        return look_up(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    wire, path = Wire((1.0, 2.0), ""), "/cgi-bin/message/template/send"

    async def beside_dead_ones():
        dead = [wire.post(f"http://dead{n}.example", path, b"{}") for n in range(3)]
        seen = await asyncio.gather(*dead, return_exceptions=True)
        assert {type(one) for one in seen} == {Unreachable}
        await wire.post(account.simulator.url, path, b"{}")
        await wire.close()

    try:
        asyncio.run(beside_dead_ones())
    finally:
        ended.set()


def test_an_answer_that_comes_slowly(account, make_client):
    with_token(account)
    account.simulator.control("POST", "/latency", {"median_ms": LONG * 1000, "sigma": 0})
    phases = phases_of(make_client(timeout=(0.5, 2.0)))
    assert phases.wait >= LONG
    assert phases.transfer < LONG / 2


def test_an_answer_whose_rest_comes_slowly(account, make_client):
    with_token(account)
    with serving(slow_body) as server:
        phases = phases_of(make_client(server.url, timeout=(0.5, 2.0)))
    assert phases.transfer >= LONG * 0.9


def test_an_answer_that_drips_is_nothing_ordinary():
    usual = Phases(host="api.weixin.qq.com", is_reused=True, wait=0.2)
    dripping = Phases(host="api.weixin.qq.com", is_reused=True, wait=0.2, transfer=5.0)
    assert (usual.is_ordinary(), dripping.is_ordinary()) == (True, False)


def test_a_call_that_fails_tells_how_far_it_came(account, make_client):
    with_token(account)
    with serving(silent) as server:
        waited = phases_of(make_client(server.url), Ambiguous)
    assert waited.wait >= 0.3
    assert waited.transfer == 0
    with serving(cutting) as server:
        assert phases_of(make_client(server.url), Ambiguous).wait < 0.3
    nobody = phases_of(make_client(free_address()), Unreachable)
    assert nobody.tcp > 0
    assert nobody.wait == 0


def test_what_an_address_without_a_connection_cost_is_told(account, make_client):
    with_token(account)
    phases = phases_of(make_client("http://no-such-host.invalid", account.simulator.url))
    assert phases.host == "127.0.0.1"
    assert phases.lost_at.keys() == {"no-such-host.invalid"}
    assert phases.spent()["lost"] > 0
    assert not phases.is_ordinary()


def test_as_it_is_stored():
    phases = Phases(host="api2.weixin.qq.com", dns=0.0123, tcp=0.00001, wait=3.0)
    told = {"host": "api2.weixin.qq.com", "reused": False, "dns": 12, "tcp": 1, "wait": 3000}
    assert phases.as_dict() == told
