"""A client with a gateway, and ways to call it as an SDK does: by address, query and body."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client

from notifier.gateway import pushes
from notifier.models import ApiClient, Gateway, Recipient, Scope
from templates_app.models import MessageTemplate
from tests import builders

TOKEN = "servicetoken"
AES_KEY = "g" * 43
VALUES = {"character_string1": "A-1001", "thing2": "云南白茶", "time3": "2026-11-24 10:00"}
"""Of the template that `builders.make_template` makes, by WeChat's keys."""


def data(**values: Any) -> dict[str, Any]:
    return {key: {"value": value, "color": "#173177"} for key, value in (VALUES | values).items()}


@dataclass
class Caller:
    """`path`: below /gateway/cgi-bin/."""

    gateway: Gateway
    secret: str
    http: Client

    def get(self, path: str, **query: Any) -> Any:
        return _json(self.http.get(f"/gateway/cgi-bin/{path}", query))

    def post(self, path: str, body: Any, token: str | None = None) -> Any:
        """Bytes are sent as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        query = f"?access_token={self.token() if token is None else token}"
        address = f"/gateway/cgi-bin/{path}{query}"
        return _json(self.http.post(address, raw, content_type="text/plain"))

    def token(self) -> str:
        given = {"appid": self.gateway.appid, "secret": self.secret}
        found = self.get("token", grant_type="client_credential", **given)
        return str(found["access_token"])

    def send(self, body: Any) -> Any:
        return self.post("message/template/send", body)


def _json(response: HttpResponse) -> Any:
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json; encoding=utf-8"
    return json.loads(response.content)


@pytest.fixture
def template(transactional_db: None) -> MessageTemplate:
    return builders.make_template()


@pytest.fixture
def person(template: MessageTemplate) -> Recipient:
    return builders.make_recipient(template.account)


@pytest.fixture
def caller(template: MessageTemplate, service: ApiClient) -> Caller:
    gateway = Gateway.objects.create(client=service, account=template.account)
    return Caller(
        gateway, service.make_key(scopes=Scope.values), Client(raise_request_exception=False)
    )


@pytest.fixture
def body(template: MessageTemplate, person: Recipient) -> dict[str, Any]:
    assert template.published is not None
    return {
        "touser": person.openid,
        "template_id": template.published.wechat_template_id,
        "data": data(),
    }


@dataclass
class Pushed:
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]


class Service:
    """A service's own callback address. `status`: what it answers; None: nothing at all."""

    def __init__(self) -> None:
        self.pushed: list[Pushed] = []
        self.status: int | None = 200
        self.echo = True
        self.stopped = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = dict(parse_qsl(urlsplit(self.path).query))
                service.pushed.append(Pushed(query, b"", dict(self.headers)))
                self._answer(query.get("echostr", "") if service.echo else "no")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                query = dict(parse_qsl(urlsplit(self.path).query))
                service.pushed.append(Pushed(query, body, dict(self.headers)))
                self._answer("success")

            def _answer(self, text: str) -> None:
                if service.status is None:
                    service.stopped.wait(10)
                    return
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_args: Any) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/wechat?shop=1"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()


@pytest.fixture(autouse=True)
def _nobody_silent() -> None:
    pushes._silent.clear()
