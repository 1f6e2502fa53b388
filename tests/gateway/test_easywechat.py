"""EasyWeChat as it comes from npm, in a process of its own: only its baseURL is another."""

import hashlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from notifier.gateway.envelope import HEADERS, verification
from notifier.gateway.outbound import get
from notifier.gateway.pushes import callback_of, process_pushes
from notifier.models import ApiClient, Gateway, Message, Scope, State
from notifier.receipts import process
from tests.conftest import Platform
from tests.gateway.conftest import AES_KEY, TOKEN, data

HERE = Path(__file__).parent / "easywechat"


@pytest.fixture(scope="session")
def modules() -> Path:
    """Where npm has put the pinned packages: once for each lock file, beside what pip caches."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        text = "node and npm are not on this machine: EasyWeChat was not tried"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    lock = (HERE / "package-lock.json").read_bytes()
    name = f"hongyan-easywechat-{os.getuid()}-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    if not (folder / "node_modules").exists():
        # Made aside and renamed: two runs at once do not see each other's half.
        with tempfile.TemporaryDirectory() as aside:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(HERE / file, aside)
            done = subprocess.run(
                [npm, "ci", "--no-audit", "--no-fund"], cwd=aside, capture_output=True, timeout=300
            )
            assert done.returncode == 0, done.stderr.decode()
            folder.mkdir(exist_ok=True)
            try:
                shutil.move(Path(aside) / "node_modules", folder / "node_modules")
            except OSError:
                assert (folder / "node_modules").exists()
    return folder / "node_modules"


class Shop:
    def __init__(self, modules: Path, folder: Path, config: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "service.js"), json.dumps(config)],
            cwd=folder,  # where it keeps its access tokens
            env={**os.environ, "NODE_PATH": str(modules)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = f"http://127.0.0.1:{self.next()['port']}/wechat"

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def next(self, seconds: float = 20) -> dict[str, Any]:
        return self._lines.get(timeout=seconds)

    def is_silent(self) -> bool:
        return self._lines.empty()

    def call(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self.next()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


@pytest.fixture
def loop(simulator, live_server: LiveServer) -> Platform:
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    return Platform(simulator, live_server.url, "plain")


@pytest.fixture
def gateway(loop, service: ApiClient) -> Gateway:
    return Gateway.objects.create(
        client=service,
        account=loop.account,
        callback_token=TOKEN,
        encoding_aes_key=AES_KEY,
    )


@pytest.fixture(params=[("plain", False), ("safe", True)], ids=["plain", "safe"])
def shop(
    request, modules, tmp_path, gateway: Gateway, service: ApiClient, live_server: LiveServer
) -> Any:
    mode, is_stable = request.param
    config = {
        "app_id": gateway.appid,
        "secret": service.make_key(scopes=Scope.values),
        "token": TOKEN,
        "use_stable_access_token": is_stable,
        "http": {"baseURL": f"{live_server.url}/gateway/"},
    }
    shop = Shop(modules, tmp_path, config | ({"aes_key": AES_KEY} if mode == "safe" else {}))
    gateway.callback_mode, gateway.callback_url = mode, shop.url
    gateway.save()
    yield shop
    shop.stop()


def test_a_message_goes_to_the_phone_and_its_receipt_to_the_service(shop, loop, work):
    person = loop.recipient()
    followers = shop.call(get="/cgi-bin/user/get")["answer"]
    assert followers["data"]["openid"] == [person.openid]
    body = {
        "touser": person.openid,
        "template_id": loop.template.published.wechat_template_id,
        "client_msg_id": "order-1",
        "data": data(),
    }
    sent = shop.call(post="/cgi-bin/message/template/send", body=body)["answer"]
    assert sent["errcode"] == 0
    again = shop.call(post="/cgi-bin/message/template/send", body=body)["answer"]
    assert again["msgid"] == sent["msgid"]

    deadline = time.monotonic() + 15
    while shop.is_silent() and time.monotonic() < deadline:
        work()
        process.tick(timezone.now())
        process_pushes()
        time.sleep(0.05)
    (card,) = loop.received()
    assert card["data"]["thing2"] == {"value": "云南白茶"}
    # A number of JavaScript's, and yet all its digits.
    told = {"msgid": str(sent["msgid"]), "status": "success", "openid": person.openid}
    assert shop.next()["receipt"] == told
    assert Message.objects.get().state == State.DELIVERED


def test_its_errors_are_wechats(shop, loop):
    body = {"touser": "oNobody", "template_id": "x", "data": {}}
    answer = shop.call(post="/cgi-bin/message/template/send", body=body)["answer"]
    assert answer["errcode"] == 40037


def test_its_callback_is_verified(shop, gateway):
    gateway.refresh_from_db()
    address, echo = verification(callback_of(gateway), int(time.time()))
    assert get(address, HEADERS) == (200, echo)
