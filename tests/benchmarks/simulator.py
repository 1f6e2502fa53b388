"""Sends a second of the simulator on one core, beside a bare uvicorn app in the same run.

Run it as `python -m tests.benchmarks.simulator [sends]`.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import orjson
import requests
import uvloop

from tests.simulator.process import SimulatorProcess

CONNECTIONS = 64
SERVER_CORE, CLIENT_CORE = 0, 1
TEMPLATE = "T" * 43
ACCOUNT = {
    "appid": "wx0123456789abcdef",
    "secret": "a" * 32,
    "name": "演示服务号",
    "any_openid": True,
    "send_quota": 10_000_000,
    "templates": [
        {
            "template_id": TEMPLATE,
            "title": "订单发货通知",
            "content": "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n"
            "时间:{{time3.DATA}}\n金额:{{amount4.DATA}}",
        }
    ],
}
BARE = """
import asyncio, socket, sys, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"): pass
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"55")]})
    await send({"type": "http.response.body",
                "body": b'{"errcode":0,"errmsg":"ok","msgid":3717005636572528642}'})
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, lifespan="off",
                        log_level="error", proxy_headers=False, server_header=False)
uvicorn.Server(config).run(sockets=[listener])
"""


def message(token: str, number: int) -> bytes:
    body = orjson.dumps(
        {
            "touser": f"o{number:027d}",
            "template_id": TEMPLATE,
            "url": "https://example.org/orders/1",
            "data": {
                "character_string1": {"value": f"2026{number:010d}"},
                "thing2": {"value": "一本关于鸿雁的书"},
                "time3": {"value": "2026-11-24 10:00"},
                "amount4": {"value": "¥128.00"},
            },
            "client_msg_id": f"{number:032x}",
        }
    )
    head = (
        f"POST /cgi-bin/message/template/send?access_token={token} HTTP/1.1\r\n"
        f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Sender(asyncio.Protocol):
    """One keep-alive connection: a request goes out when the answer before it is complete."""

    def __init__(self, next_request: Callable[[], bytes | None], done: asyncio.Event) -> None:
        self.next_request, self.done = next_request, done
        self.accepted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport, self.received = cast(asyncio.Transport, transport), b""
        self._send()

    def _send(self) -> None:
        request = self.next_request()
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.received.endswith(b"}"):
            self.accepted += b'"errcode":0' in self.received
            self.received = b""
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set()


async def drive(port: int, token: str, sends: int) -> float:
    loop = asyncio.get_running_loop()
    pending = iter([message(token, number) for number in range(sends)])
    made: list[tuple[Sender, asyncio.Event]] = []
    started = time.perf_counter()
    for _ in range(CONNECTIONS):
        done = asyncio.Event()
        _, sender = await loop.create_connection(
            partial(Sender, partial(next, pending, None), done), "127.0.0.1", port
        )
        made.append((sender, done))
    async with asyncio.timeout(60):
        for _, done in made:
            await done.wait()
    rate = sends / (time.perf_counter() - started)
    accepted = sum(sender.accepted for sender, _ in made)
    assert accepted == sends, f"{accepted} of {sends} were accepted"
    return rate


def bare(sends: int) -> float:
    process = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE)
    try:
        os.sched_setaffinity(process.pid, {SERVER_CORE})
        assert process.stdout is not None
        port = int(process.stdout.readline())
        return uvloop.run(drive(port, "x" * 140, sends))
    finally:
        process.terminate()
        process.wait()


def simulated(sends: int) -> float:
    simulator = SimulatorProcess([ACCOUNT])
    try:
        os.sched_setaffinity(simulator.pid, {SERVER_CORE})
        token = requests.post(
            f"{simulator.url}/cgi-bin/stable_token",
            json={
                "grant_type": "client_credential",
                "appid": ACCOUNT["appid"],
                "secret": ACCOUNT["secret"],
            },
            timeout=5,
        ).json()["access_token"]
        return uvloop.run(drive(urlsplit(simulator.url).port or 0, token, sends))
    finally:
        simulator.stop()


def main() -> None:
    sends = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    os.sched_setaffinity(0, {CLIENT_CORE})
    compared, rate = bare(sends), simulated(sends)
    print(f"bare uvicorn app    {compared:8,.0f} answers/s on one core")
    print(f"simulator           {rate:8,.0f} sends/s on one core ({rate / compared:.2f} of bare)")
    if rate < 10_000:
        raise SystemExit("the simulator falls short of 10,000 sends/s")


if __name__ == "__main__":
    main()
