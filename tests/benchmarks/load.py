"""HTTP load over keep-alive connections, light enough to leave the processor to the server."""

import asyncio
import time
import uuid
from collections.abc import Iterator

import orjson

from tests.benchmarks.bodies import DATA, openid


def requests_to(path: str, count: int, key: str) -> Iterator[bytes]:
    for number in range(count):
        content = orjson.dumps(
            {"template": "bench", "to": {"openid": openid(number % 1000)}, "data": DATA}
        )
        yield (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Idempotency-Key: {uuid.uuid4().hex}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        ).encode() + content


async def connection(port: int, requests: Iterator[bytes]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        content = await reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 20"), head + content
        answered += 1
        if b"connection: close" in lower:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    return answered


async def drive(port: int, path: str, count: int, connections: int, key: str) -> float:
    work = iter(list(requests_to(path, count, key)))
    started = time.perf_counter()
    answers = await asyncio.gather(*(connection(port, work) for _ in range(connections)))
    assert sum(answers) == count
    return count / (time.perf_counter() - started)
