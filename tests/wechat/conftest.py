"""An account that the simulator knows, and clients of it without any Django model."""

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, cast

import pytest
import requests
from django.core.cache import cache
from requests import certs

from notifier.wechat.client import Credentials, WeChatClient
from notifier.wechat.session import shared_session
from notifier.wechat.tokens import TokenCache
from notifier.wechat.wire import Wire
from templates_app.encryption import fernet
from tests.shared_tokens import share
from tests.simulator.process import SimulatorProcess

SECRET = "5ec2e7" + "0" * 26
TOKEN, STABLE = "T0KEN", "stable_token"
TEMPLATE = "T" * 43
OPENID = "oWECHAT".ljust(28, "0")
_numbers = itertools.count(1)


class Account:
    def __init__(self, simulator: SimulatorProcess) -> None:
        self.simulator = simulator
        self.appid = f"wxc{next(_numbers):015x}"
        template = {"template_id": TEMPLATE, "title": "t", "content": "商品:{{thing1.DATA}}"}
        self.change(secret=SECRET, templates=[template], followers=[OPENID])

    def change(self, **values: Any) -> None:
        self.simulator.control("POST", "/accounts", {"appid": self.appid} | values)

    def kill_token(self) -> None:
        self.simulator.control("POST", "/kill-token", {"appid": self.appid})

    def counters(self) -> dict[str, Any]:
        accounts = self.simulator.control("GET", "/state")["accounts"]
        return next(one["counters"] for one in accounts if one["appid"] == self.appid)

    def received(self) -> list[dict[str, Any]]:
        return list(self.simulator.control("GET", f"/messages?appid={self.appid}")["messages"])


@pytest.fixture
def account(simulator: SimulatorProcess) -> Account:
    return Account(simulator)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with shared_session.__wrapped__(certs.where()) as session:
        yield session


@pytest.fixture(scope="session")
def loop() -> asyncio.AbstractEventLoop:
    """It runs in a thread, as the sender's does."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


class Caller:
    """A client whose messages can be sent from any thread of a test."""

    def __init__(self, client: WeChatClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client, self._loop = client, loop
        self.templates, self.fetch_token = client.templates, client.fetch_token

    def send_template(self, *args: Any, **options: Any) -> str:
        return self.begin(*args, **options).result(20)

    def begin(self, *args: Any, **options: Any) -> "Future[str]":
        call = self._client.send_template(*args, **options)
        return asyncio.run_coroutine_threadsafe(call, self._loop)


Make = Callable[..., Caller]


@pytest.fixture
def make_client(
    account: Account, session: requests.Session, loop: asyncio.AbstractEventLoop
) -> Make:
    """Each client is one process's: what it remembers is its own, Redis is shared."""

    def make(
        *addresses: str,
        appid: str = account.appid,
        secret: str = SECRET,
        token_call: str = STABLE,
        ca_file: str = certs.where(),
        timeout: tuple[float, float] = (0.5, 0.3),
    ) -> Caller:
        client = WeChatClient(
            session=session,
            wire=Wire(timeout, ca_file),
            credentials=Credentials(appid, secret, token_call),
            addresses=addresses or (account.simulator.url,),
            cache=cast(TokenCache, cache),
            cipher=fernet(),
            timeout=timeout,
        )
        return Caller(client, loop)

    return make


def body(client_msg_id: str = "", value: str = "云南白茶") -> bytes:
    message = {
        "touser": OPENID,
        "template_id": TEMPLATE,
        "client_msg_id": client_msg_id,
        "data": {"thing1": {"value": value}},
    }
    return json.dumps(message, ensure_ascii=False).encode()


def with_token(account: Account, token: str = TOKEN) -> str:
    """A token in the cache, so that nobody fetches one."""
    share(account.appid, token)
    return token
