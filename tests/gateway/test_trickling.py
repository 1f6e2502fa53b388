"""An address that answers a byte now and then is given up in time: it holds up everybody's."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from notifier.gateway import outbound

HEAD = b"HTTP/1.1 200 OK\r\nX-Long: "
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


def trickle(listener: socket.socket, begin: bytes) -> None:
    connection, _address = listener.accept()
    with connection, suppress(OSError):
        connection.recv(65536)
        connection.sendall(begin)
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)


@pytest.fixture(params=[HEAD, BODY])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(outbound, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener, request.param))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(20)


def test_a_callback_is_not_asked_for_ever(url):
    began = time.monotonic()
    with pytest.raises(outbound.Unreached, match="timeout"):
        outbound.get(url, {})
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("url", [HEAD], indirect=True)
def test_half_an_answer_is_no_pushed_receipt(url):
    began = time.monotonic()
    with pytest.raises(outbound.Unreached, match="timeout"):
        outbound.post(url, b"<xml/>", {})
    assert time.monotonic() - began < 2
