"""The ASGI application: reads a request, picks who answers it; sends, delays or cuts the answer."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .answers import Answer
from .api import answer_to
from .control import control
from .faults import SEND_PATH
from .phones import static, stream
from .world import Request, World

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class Simulator:
    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        if request is None:
            return
        path = request.path
        if path.startswith("/_control/"):
            if path == "/_control/stream":
                await stream(self.world, send, receive)
                return
            answer = await control(self.world, request)
        elif path == "/" or path.startswith("/static/"):
            answer = static(path)
        else:
            answer = await self._wechat(request)
        await self._finish(answer, receive, send)

    async def _wechat(self, request: Request) -> Answer:
        world = self.world
        if request.path != SEND_PATH:
            answer = answer_to(world, request)
            await _pause(world.latency.draw() if world.latency.median_ms else 0.0)
            return answer
        world.in_flight += 1
        try:
            answer = answer_to(world, request)
            world.requests.append(
                (request, answer.errcode or (answer.status != 200) * answer.status)
            )
            latency = world.latency.draw() if world.latency.median_ms else 0.0
            if answer.pushes:
                await self._push(answer, latency)
            if latency:
                await asyncio.sleep(latency)
            return answer
        finally:
            world.in_flight -= 1

    async def _push(self, answer: Answer, latency: float) -> None:
        for push in answer.pushes:
            if answer.early:
                await self.world.pushes.attempt(push)
            else:
                self.world.pushes.schedule(push, latency + self.world.receipts.draw())

    async def _finish(self, answer: Answer, receive: Receive, send: Send) -> None:
        if answer.delay:
            await self._hold(answer.delay, receive)
        if answer.ending:
            await _cut(receive, send)
            return
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _hold(self, seconds: float, receive: Receive) -> None:
        """Wait, but not for a client that left nor for a simulator that ends."""
        ends = {
            asyncio.ensure_future(receive()),
            asyncio.ensure_future(self.world.closing.wait()),
        }
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()


async def _pause(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The whole request, or nothing when the client left in the middle of it."""
    event = await receive()
    body = event.get("body", b"")
    while event.get("more_body"):
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body += event.get("body", b"")
    client = scope.get("client")
    return Request(
        scope["method"],
        scope["path"],
        scope["query_string"],
        scope["headers"],
        body,
        client[0] if client else "",
        time.time(),
    )


async def _cut(receive: Receive, send: Send) -> None:
    """End the connection without an answer.

    ASGI has no word for that: uvicorn's `send` is a method of the cycle that owns the transport.
    """
    transport = send.__self__.transport  # type: ignore[attr-defined]
    if not transport.is_closing():
        connection = transport.get_extra_info("socket")
        # Linger 0 makes the kernel send RST, not FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
