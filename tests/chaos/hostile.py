"""Hostile requests at all that is open to programs: broken JSON, deep JSON, odd encodings and
headers, wrong sizes, bodies that break off. Not one may be a server error, none may make a row.

python -m tests.chaos.hostile [--requests 100000] [--seed 7]: on PostgreSQL, over real sockets.
"""

import argparse
import json
import random
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.benchmarks import environment  # isort: skip - starts the services first
from notifier.models import (
    Campaign,
    Gateway,
    Message,
    Push,
    Recipient,
    Schedule,
    Scope,
    WebhookEndpoint,
)
from tests import builders
from tests.benchmarks.accept import gunicorn

CALLERS = 8
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "G\u00cbT")
ID = "0" * 32
ROWS = (Message, Campaign, Schedule, Recipient, Push, WebhookEndpoint)
Answer = tuple[str, int]


def addresses(slug: str, token: str) -> list[str]:
    api = [
        *("messages", "messages/batch", "messages/stream", "messages/cancel", f"messages/{ID}"),
        *(f"messages/{ID}/cancel", "events", "templates", "templates/x", "templates/x/preview"),
        *("templates/x/counts", "accounts", f"accounts/{slug}/recipients", "campaigns"),
        *(f"accounts/{slug}/recipients/sandbox-delivered", f"accounts/{slug}/recipients/resolve"),
        *("campaigns/1", "campaigns/1/rows", "campaigns/1/launch", "campaigns/1/replay"),
        *("campaigns/999999999999999999/approve", "campaigns/1/results", "schedules"),
        *("schedules/1", "schedules/1/pause", "webhook-endpoints", f"webhook-endpoints/{ID}"),
        *(f"webhook-endpoints/{ID}/replay", "webhook-deliveries/1", "nothing", "../../etc/passwd"),
    ]
    wechat = [
        *("token", "stable_token", "message/template/send", "message/subscribe/bizsend"),
        *("template/get_all_private_template", "user/get", "user/info", "user/info/batchget"),
    ]
    return [
        *(f"/api/v1/{one}" for one in api),
        *(f"/gateway/cgi-bin/{one}?access_token={token}" for one in wechat),
        f"/wechat/{slug}/callback?signature=x&timestamp=1&nonce=2",
        f"/wechat/{slug}/callback?msg_signature=x&encrypt_type=aes",
    ]


class Enemy:
    """What one caller sends, from its seed."""

    def __init__(self, seed: int, paths: list[str], key: str) -> None:
        self.random = random.Random(seed)
        self.paths, self.key = paths, key

    def request(self) -> bytes:
        body = self._body()
        path = self.random.choice(self.paths) + self._query()
        head = [f"{self._method()} {path} HTTP/1.1".encode("latin-1", "replace")]
        head += [b"Host: 127.0.0.1", b"Connection: close", *self._headers(body)]
        return b"\r\n".join(head) + b"\r\n\r\n" + body

    def _method(self) -> str:
        return self.random.choice(("POST", "POST", "PUT", *METHODS))

    def _query(self) -> str:
        return self.random.choice(
            (
                *("", "", "", "?limit=-1", "?after=%00", "?since=%ff", "?status=" + "x" * 3000),
                *("?metadata[%00]=1", "?metadata[a]=" + "%F0%9F%A6%86" * 50, "?limit=1&limit=2"),
                *("?" + "&".join(f"a{n}=1" for n in range(1200)), "?%", "?=", "?a[]=1"),
            )
        )

    def _headers(self, body: bytes) -> list[bytes]:
        found = [f"Content-Length: {len(body)}".encode()]
        if self.random.random() < 0.9:
            found.append(f"Authorization: Bearer {self.key}".encode())
        odd = (
            b"Authorization: Bearer \xff\xfe",
            b"Authorization: " + b"A" * 4000,
            b"Content-Type: application/json; charset=utf-7",
            b"Content-Type: multipart/form-data; boundary=",
            b"Content-Type: text/csv",
            b"Content-Type: application/x-ndjson",
            b"Content-Encoding: gzip",
            b"Idempotency-Key: " + b"k" * 300,
            b"Idempotency-Key: \xc3\x28",
            b"X-Request-ID: a b\tc",
            b"X-Forwarded-For: ::1, not-an-ip",
            b"Accept: \x7f",
            b"Accept-Language: " + b"zh," * 500,
            b"Range: bytes=0-",
            b"Expect: 200-maybe",
            b"Cookie: sessionid=" + b"x" * 2000,
        )
        return found + self.random.sample(odd, self.random.randrange(3))

    def _body(self) -> bytes:
        return bytes(
            self.random.choice(
                (self._json, self._json, self._bytes, self._deep, self._lines, self._broken)
            )()
        )

    def _bytes(self) -> bytes:
        return self.random.randbytes(self.random.randrange(400))

    def _deep(self) -> bytes:
        depth = self.random.choice((30, 2000, 30_000))
        return self.random.choice((b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth))

    def _lines(self) -> bytes:
        return b"\n".join(self._json() for _ in range(self.random.randrange(6)))

    def _broken(self) -> bytes:
        whole = self._json()
        return whole[: self.random.randrange(len(whole) + 1)] + self._bytes()[:20]

    def _json(self) -> bytes:
        """Shaped as the real ones, of a template that there is not: it can never be accepted."""
        row = {
            "template": "there-is-no-such-template",
            "to": self._value(2),
            "data": self._value(3),
            "metadata": self._value(3),
            "priority": self.random.choice(("bulk", 1, None, "URGENT")),
            "send_at": self.random.choice(("2026-13-01T00:00:00Z", "x", 5, "9999-12-31T23:59:59Z")),
        }
        shape = self.random.choice(
            (
                row,
                {"messages": [row] * self.random.randrange(4), "all_or_nothing": "yes"},
                {"touser": self._value(1), "template_id": self._value(1), "data": row["data"]},
                {"grant_type": "client_credential", "appid": self._value(1), "secret": {}},
                {"recipients": [{"openid": "a b", "name": self._value(1)}]},
                {"name": "x", "cron": self._value(0), "zone": self._value(0), "message": row},
                {"name": "x", "template": "nothing", "audience": self._value(2)},
                {"url": self._value(0), "types": self._value(1)},
                self._value(4),
            )
        )
        kept = (
            dict(self.random.sample(sorted(shape.items()), len(shape) - 1))
            if (isinstance(shape, dict) and shape and self.random.random() < 0.3)
            else shape
        )
        text = json.dumps(kept, ensure_ascii=self.random.random() < 0.5)
        coding = self.random.choice(("utf-8", "utf-8", "utf-8", "utf-16", "gb18030"))
        return text.encode(coding, "surrogatepass" if coding == "utf-8" else "replace")

    def _value(self, depth: int) -> Any:
        scalars = (
            *(None, True, -1, 0, 10**40, 1e308, "", "\0", "\ud800", "a" * 3000, "云南白茶"),
            *("\u202e\u2066", "'; DROP TABLE x; --", "{{ x }}", "http://169.254.169.254/", "=1+1"),
        )
        if depth and self.random.random() < 0.6:
            size = self.random.randrange(4)
            if self.random.random() < 0.5:
                return [self._value(depth - 1) for _ in range(size)]
            names = ("openid", "user", "a/b~c", "\0", "", "value", "order_no", "x" * 500)
            return {self.random.choice(names): self._value(depth - 1) for _ in range(size)}
        return self.random.choice(scalars)


def call(port: int, request: bytes) -> Answer:
    """(path, status); 0: the server closed the connection without an answer."""
    path = request.split(b" ", 2)[1].split(b"?")[0].decode("latin-1")
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.settimeout(20)
        try:
            line.sendall(request)
            answer = line.recv(64)
        except (ConnectionError, TimeoutError):
            return path, 0
    parts = answer.split(b" ", 2)
    return path, int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    environment.migrate()
    account = builders.make_account(callback_token="token", slug="hostile")
    builders.make_template(account)
    client = builders.make_client()
    key = client.make_key(scopes=Scope.values)
    Gateway.objects.create(client=client, account=account)
    before = {model: model.objects.count() for model in ROWS}
    share = options.requests // CALLERS
    with gunicorn("config.wsgi") as port:
        paths = addresses(account.slug, "token")

        def attack(number: int) -> Counter[Answer]:
            enemy = Enemy(options.seed * 1000 + number, paths, key)
            return Counter(call(port, enemy.request()) for _ in range(share))

        started = time.monotonic()
        with ThreadPoolExecutor(CALLERS) as threads:
            found = sum(threads.map(attack, range(CALLERS)), Counter[Answer]())
        seconds = time.monotonic() - started
    made = {
        model.__name__: count for model in ROWS if (count := model.objects.count() - before[model])
    }
    statuses = Counter[int]()
    for (_path, status), count in found.items():
        statuses[status] += count
    print(f"{found.total():,} requests in {seconds:.0f} s: {dict(sorted(statuses.items()))}")
    bad = {one: count for one, count in found.items() if one[1] >= 500}
    if bad or made:
        raise SystemExit(f"server errors: {bad}; rows by accident: {made}")
    print("no server error, no row by accident")


if __name__ == "__main__":
    main()
