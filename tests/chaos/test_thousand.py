"""A thousand identical requests at the same moment, to two web processes; Redis dies in between."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from notifier.demo import redis_server
from notifier.models import Message
from tests import builders
from tests.chaos.processes import database_url, until

pytestmark = pytest.mark.chaos
THOUSAND = 1000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis(stack: ExitStack, home: Path) -> subprocess.Popen[bytes]:
    """One of this test's own, to be killed."""
    process = subprocess.Popen(
        redis_server.command(redis_server.socket_path(home)), stdout=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    until(lambda: redis_server.is_up(redis_server.socket_path(home)))
    return process


def web(stack: ExitStack, home: Path) -> int:
    port = free_port()
    options = ["--threads", "8", "--bind", f"127.0.0.1:{port}", "--backlog", "2048"]
    command = [sys.executable, "-m", "gunicorn", "config.wsgi:application", *options]
    process = subprocess.Popen(
        [*command, "--no-control-socket", "--log-level", "warning"],
        env=os.environ
        | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": f"unix://{redis_server.socket_path(home)}?db=0",
        },
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)

    def is_up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(is_up)
    return port


async def ask(port: int, request: bytes, gate: asyncio.Event) -> tuple[int, str]:
    """(status, the message's id); 409 is asked again, as its Retry-After says."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await gate.wait()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        body = json.loads(await reader.readexactly(length))
        writer.close()
        if status != 409:
            return status, body.get("id", "")
        assert b"retry-after: 1" in head.lower()
        await asyncio.sleep(1)


async def thousand(
    ports: list[int], request: bytes, killed: subprocess.Popen[bytes]
) -> list[tuple[int, str]]:
    gate = asyncio.Event()
    calls = [
        asyncio.create_task(ask(ports[number % 2], request, gate)) for number in range(THOUSAND)
    ]
    await asyncio.sleep(1)  # all are connected
    gate.set()
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    killed.kill()
    return await asyncio.wait_for(asyncio.gather(*calls), 120)


def test_a_thousand_identical_requests_make_one_message(
    transactional_db: None, tmp_path: Path
) -> None:
    template = builders.make_template()
    person = builders.make_recipient(template.account)
    key = builders.make_client().make_key()
    body = json.dumps(
        {"template": template.code, "to": person.openid, "data": builders.DATA}
    ).encode()
    request = (
        f"POST /api/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Idempotency-Key: order-1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
    with ExitStack() as stack:
        doomed = redis(stack, tmp_path)
        ports = [web(stack, tmp_path) for _ in range(2)]
        answers = asyncio.run(thousand(ports, request, doomed))
    assert Counter(status for status, _pk in answers) == {202: THOUSAND}
    assert len({pk for _status, pk in answers}) == 1
    assert Message.objects.count() == 1
