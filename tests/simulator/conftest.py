"""One simulator process a worker; a fresh account and a tiny callback server for each test."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from .process import SimulatorProcess

TYPED = "T" * 43
HISTORY = "H" * 43
FREE = "F" * 43
FOLLOWER = "oAliceAliceAliceAliceAliceAl"
SEND = "/cgi-bin/message/template/send"


def magic(name: str) -> str:
    return f"oSIM-{name}".ljust(28, "_")


@dataclass
class Official:
    """One official account and the calls its owner makes."""

    simulator: SimulatorProcess
    http: requests.Session
    appid: str = field(default_factory=lambda: f"wx{secrets.token_hex(8)}")
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    token: str = ""

    def change(self, **fields: Any) -> None:
        self.simulator.control("POST", "/accounts", {"appid": self.appid, **fields})

    def stable(self, **fields: Any) -> Any:
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self.post("/cgi-bin/stable_token", body | fields)

    def plain_token(self, **fields: str) -> Any:
        query = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self.get("/cgi-bin/token", **(query | fields))

    def get(self, path: str, **query: str) -> Any:
        query = {"access_token": self.token, **query}
        return self.http.get(self.simulator.url + path, params=query, timeout=10).json()

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.raw(path, body, **options).json()

    def raw(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        address = f"{self.simulator.url}{path}?access_token={self.token}"
        options.setdefault("timeout", 10)
        return self.http.post(address, json=body, **options)

    def send(self, to: str = FOLLOWER, *values: str, **fields: Any) -> Any:
        return self.post(SEND, self.body(to, *values, **fields))

    @staticmethod
    def body(to: str = FOLLOWER, *values: str, **fields: Any) -> dict[str, Any]:
        given = values or ("A-1", "书")
        data = dict(zip(("character_string1", "thing2"), map(_value, given), strict=False))
        return {"touser": to, "template_id": TYPED, "data": data, **fields}

    def messages(self, **query: str) -> list[dict[str, Any]]:
        found = self.simulator.control("GET", "/messages", appid=self.appid, **query)
        messages: list[dict[str, Any]] = found["messages"]
        return messages

    def counters(self) -> dict[str, Any]:
        accounts = self.simulator.control("GET", "/state")["accounts"]
        return next(row["counters"] for row in accounts if row["appid"] == self.appid)


def _value(text: str) -> dict[str, str]:
    return {"value": text}


TEMPLATES = [
    {
        "template_id": TYPED,
        "title": "订单发货通知",
        "content": "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}",
    },
    {
        "template_id": HISTORY,
        "title": "预约提醒",
        "content": "{{first.DATA}}\n姓名:{{keyword1.DATA}}\n{{remark.DATA}}",
    },
    {"template_id": FREE, "title": "测试", "content": "你好 {{name.DATA}}"},
]


@dataclass
class Push:
    query: dict[str, str]
    headers: dict[str, str]
    body: str
    path: str


class Callback:
    """Collects what is pushed; `answers` are given in turn, then `success`."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.answers: list[tuple[int, bytes]] = []
        self.echo = True
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                split = urlsplit(self.path)
                query = dict(parse_qsl(split.query))
                answer = callback.answers.pop(0) if callback.answers else (200, b"success")
                callback.pushes.append(Push(query, dict(self.headers), body, split.path))
                self._answer(*answer)

            def do_GET(self) -> None:
                query = dict(parse_qsl(urlsplit(self.path).query))
                self._answer(200, query["echostr"].encode() if callback.echo else b"no")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/wechat/demo/callback"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def wait(self, count: int = 1) -> list[Push]:
        until(lambda: len(self.pushes) >= count)
        return self.pushes

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def until(true: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def running() -> Iterator[SimulatorProcess]:
    process = SimulatorProcess()
    yield process
    process.stop()


@pytest.fixture
def simulator(running: SimulatorProcess) -> SimulatorProcess:
    running.control("POST", "/reset")
    running.control("POST", "/receipts", {"median_ms": 0, "retry_ms": 10})
    return running


@pytest.fixture
def official(simulator: SimulatorProcess) -> Iterator[Official]:
    with requests.Session() as http:
        http.trust_env = False
        made = Official(simulator, http)
        made.change(
            secret=made.secret,
            original_id="gh_0123456789ab",
            name="演示服务号",
            callback_token="AAAAA",
            templates=TEMPLATES,
            followers=[
                {"openid": FOLLOWER, "name": "王小燕"},
                "oBobBobBobBobBobBobBobBobBobb"[:28],
            ],
        )
        made.token = made.stable()["access_token"]
        yield made


@pytest.fixture
def callback(official: Official) -> Iterator[Callback]:
    made = Callback()
    official.change(callback_url=made.url)
    yield made
    official.change(callback_url="")
    made.close()
