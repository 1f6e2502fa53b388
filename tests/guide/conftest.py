"""The demo's rows behind a server, with its workers: what `make run` gives a newcomer."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifier.demo import credentials, seed
from notifier.models import Scope
from templates_app.models import OfficialAccount
from tests import builders
from tests.chaos.processes import database_url, running, until
from tests.guide.examples import Reader
from tests.simulator.process import SimulatorProcess

LIVE = ("recipients", "campaigns", "README")
"""What needs a live key, as the page says."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keys(page: str) -> dict[str, str]:
    """Of a service of its own, which sees nothing of other pages: what the page names in words."""
    shop = builders.make_client(name=f"reader of {page}")
    return {
        "api_key": shop.make_key(scopes=Scope.values),
        "test_key": shop.make_key(scopes=Scope.values, is_test=True),
        "LIMITED": shop.make_key(scopes=[Scope.SEND], is_test=True, per_minute=2),
        "APPROVER": builders.make_client().make_key(scopes=[Scope.APPROVE]),
        "GATEWAY_APPID": builders.make_gateway(shop, OfficialAccount.objects.get()).appid,
    }


@pytest.fixture
def address(transactional_db: None) -> Iterator[str]:
    """Of gunicorn, as in production: Django's own server reads no chunked body."""
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--threads", "8", "--log-level", "warning"]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--no-control-socket", *options],
        env=os.environ | {"DATABASE_URL": database_url()},
    )

    def is_up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(is_up)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(20)


@pytest.fixture
def demo(address: str, simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    account = seed.seed("a password")
    account.api_base_url = simulator.url
    account.campaign_approval_from = 2
    account.save()
    callback = f"{address}/wechat/{account.slug}/callback"
    simulator.control("POST", "/accounts", seed.simulator_account(account, callback))


@pytest.fixture
def reader(demo: None, address: str, tmp_path: Path) -> Iterator[Callable[[str], Reader]]:
    """Of a page, in a folder with `var/demo.json`."""
    if not shutil.which("curl") or not shutil.which("bash"):
        pytest.skip("The guide's examples need curl and bash: apt-get install curl")
    readers = []

    def of(page: str) -> Reader:
        known = keys(page)
        home = tmp_path / page
        (home / "var").mkdir(parents=True)
        credentials.write(home / "var/demo.json", known)
        key = known["api_key" if page in LIVE else "test_key"]
        names = {"http://127.0.0.1:8000": address, "9000": str(free_port())}
        one = Reader(home, known | {"HONGYAN": address, "KEY": key}, names)
        readers.append(one)
        return one

    with running("worker", "worker background", "clock", log=tmp_path / "processes.log"):
        yield of
        for one in readers:
            one.leave()
