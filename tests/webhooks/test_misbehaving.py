"""Whatever a service's server does, it holds nobody up, and it is said in words."""

import socket
import ssl
import threading
import time

import pytest

from notifier.models import WebhookDelivery
from notifier.simulator import certificate
from notifier.webhooks import wire
from tests import builders
from tests.webhooks.conftest import carry, one_event, problems
from tests.webhooks.receiver import receiving, respond


def trickle_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(200):
        handler.wfile.write(b"x: y\r\n")
        handler.wfile.flush()
        time.sleep(0.05)


def trickle_body(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def hang(handler):
    time.sleep(5)


def hang_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def in_a_hurry(settings, monkeypatch):
    settings.WEBHOOK_TIMEOUT = 0.3
    monkeypatch.setattr("notifier.webhooks.post.SPARE_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (hang, "timeout"),
        (trickle_head, "timeout"),
        (trickle_body, ""),  # the status was there
        (hang_up, "broken"),
        (lambda handler: handler.wfile.write(b"\x00\xff nonsense\r\n\r\n"), "broken"),
    ],
)
@pytest.mark.usefixtures("in_a_hurry")
def test_a_server_that_misbehaves_holds_nobody_up(endpoint, ask, receiver, answer, problem):
    receiver.usual = answer
    one_event(ask)
    began = time.monotonic()
    carry()
    assert time.monotonic() - began < 2
    assert problems(WebhookDelivery.objects.get()) == [problem]


def test_an_endless_answer_is_read_to_a_limit(endpoint, ask, receiver):
    receiver.usual = lambda handler: respond(handler, 200, b"word " * 2_000_000)
    one_event(ask)
    carry()
    (entry,) = WebhookDelivery.objects.get().log
    assert entry["problem"] == ""
    assert len(entry["answer"]) == 300


def test_keys_and_openids_in_an_answer_are_not_kept(endpoint, ask, receiver):
    body = f"no such order: {builders.openid('abc')} {endpoint.secret}".encode()
    receiver.usual = lambda handler: respond(handler, 400, body)
    one_event(ask)
    carry()
    (entry,) = WebhookDelivery.objects.get().log
    assert entry["answer"] == "no such order: oTES… whse…"


def test_nobody_at_the_address(service, ask):
    builders.make_endpoint(service, url="http://127.0.0.1:9/hooks")
    one_event(ask)
    carry()
    assert problems(WebhookDelivery.objects.get()) == ["no_connection"]


def test_a_name_that_nobody_knows(service, ask):
    builders.make_endpoint(service, url="https://nowhere.invalid/hooks")
    one_event(ask)
    carry()
    assert problems(WebhookDelivery.objects.get()) == ["dns"]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_the_certificate_is_verified(service, ask, settings, tmp_path, is_trusted):
    certificate.make(tmp_path / "pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    if is_trusted:
        settings.WEBHOOK_CA_FILE = str(tmp_path / "pem")
    with receiving(context) as receiver:
        builders.make_endpoint(service, url=receiver.url)
        one_event(ask)
        carry()
        assert len(receiver.requests) == is_trusted
    assert problems(WebhookDelivery.objects.get()) == ["" if is_trusted else "tls"]


def test_a_name_that_is_looked_up_for_ever_is_left_behind(endpoint, ask, monkeypatch):
    let_go = threading.Event()
    monkeypatch.setattr(wire, "RESOLVE_SECONDS", 0.2)
    monkeypatch.setattr(wire.socket, "getaddrinfo", lambda *_args, **_named: let_go.wait(20))
    one_event(ask)
    started = time.monotonic()
    try:
        carry()
        assert time.monotonic() - started < 5
        assert problems(WebhookDelivery.objects.get()) == ["dns"]
    finally:
        let_go.set()
