"""Messages through TLS: to a server whose certificate is trusted, on connections that are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.models import Message, State
from notifier.wechat.wire import shared_wire
from templates_app import wechat
from tests import builders
from tests.conftest import Platform
from tests.simulator.process import SimulatorProcess


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return tmp_path / "simulator.pem"


@pytest.fixture
def secure(
    transactional_db: None, certificate: Path, settings: object
) -> Iterator[tuple[SimulatorProcess, Platform]]:
    simulator = SimulatorProcess([], certificate=certificate)
    settings.WECHAT_CA_FILE = str(certificate)  # type: ignore[attr-defined]
    wechat._clients.clear()
    yield simulator, Platform(simulator, "", "plain")
    simulator.stop()
    shared_wire.cache_clear()


def test_a_thousand_messages_open_no_more_connections_than_were_in_the_air(secure, work):
    simulator, platform = secure
    before = simulator.control("GET", "/state")["connections_opened"]
    builders.copies(platform.message(), 999)
    work()
    assert set(Message.objects.values_list("state", "attempts")) == {(State.SENT, 1)}
    opened = simulator.control("GET", "/state")["connections_opened"] - before
    assert opened <= 130  # the window grows to what helps; a connection is never opened twice


def test_an_unknown_certificate_is_not_trusted(secure, work, settings):
    _, platform = secure
    shared_wire.cache_clear()
    import requests.certs

    settings.WECHAT_CA_FILE = requests.certs.where()
    wechat._clients.clear()
    message = platform.message()
    work()
    message.refresh_from_db()
    assert message.state == State.QUEUED
    assert "certificate" in message.errmsg
