"""HTTP for the call that is made a million times: POST a small JSON body, read a small answer.

One thread keeps hundreds of calls in the air, each on a connection that is kept. With `requests`
every call in the air is a thread, and the threads fight for the interpreter: `make bench` shows
both. All other calls to WeChat go through the session (`notifier/wechat/session.py`).
"""

import asyncio
import math
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
from aiohappyeyeballs import start_connection

from notifier.wechat.errors import Ambiguous, NoTime, Unreachable
from notifier.wechat.phases import Phases

MAX_ANSWER = 64 * 1024
IDLE_SECONDS = 30
"""A router on the way may have forgotten an older connection; a call on it would be lost."""
LOOK_UPS = 3
"""Of a name, while a connection is made, as long as none is answered."""
LOOK_UP_THREADS = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an API address lies, taken apart once."""

    host: str
    port: int
    tls: bool
    host_header: str
    path: str


@lru_cache(maxsize=64)
def origin_of(address: str) -> Origin:
    """`https://api.weixin.qq.com` or, behind a relay, `http://10.0.0.1:8080/wechat`."""
    url = urlsplit(address)
    tls = url.scheme == "https"
    port = url.port or (443 if tls else 80)
    return Origin(url.hostname or "", port, tls, url.netloc.rpartition("@")[2], url.path)


class Wire:
    """Belongs to one event loop. `post` keeps connections; its callers bound how many."""

    def __init__(self, timeout: tuple[float, float], ca_file: str) -> None:
        """`timeout`: seconds to connect, seconds until the answer is here. `ca_file`: PEM."""
        self._connect_seconds, self._read_seconds = timeout
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Origin, list[_Connection]] = {}
        self._looking_up: dict[Origin, asyncio.Future[Any]] = {}
        self.opened = 0

    async def post(
        self,
        address: str,
        target: str,
        body: bytes,
        not_after: float = math.inf,
        phases: Phases | None = None,
    ) -> tuple[int, bytes]:
        """HTTP status and body. `target`: path with query, of ASCII without spaces. Nothing is
        written after `not_after` (time.monotonic()), however long the connection took. `phases`:
        is told where the time goes.

        Raises Unreachable or NoTime (nothing was sent) or Ambiguous (it may have been processed).
        Follows no redirect: that would carry the token elsewhere.
        """
        origin, phases = origin_of(address), phases or Phases()
        phases.host = origin.host
        idle = self._idle.setdefault(origin, [])
        connection = self._kept(idle)
        phases.is_reused, phases.is_open = connection is not None, False
        connection = connection or await self._connect(origin, phases)
        phases.is_open = True
        head = (
            f"POST {origin.path}{target} HTTP/1.1\r\nHost: {origin.host_header}\r\n"
            "User-Agent: Hongyan\r\nAccept: application/json\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"  # never chunked: WeChat answers that with 412
        )
        if time.monotonic() > not_after:
            idle.append(connection)
            raise NoTime("no time was left for the call")
        answer = await connection.exchange(head.encode() + body, self._read_seconds, phases)
        if connection.usable:
            idle.append(connection)
        return answer

    async def close(self) -> None:
        """Of the connections that no call uses."""
        for connection in [one for idle in self._idle.values() for one in idle]:
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # a transport closes in the next round of the loop

    @staticmethod
    def _kept(idle: "list[_Connection]") -> "_Connection | None":
        """The one used last: those beyond what is needed grow old, and the server ends them."""
        oldest = time.monotonic() - IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.usable and connection.used_at > oldest:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin, phases: Phases) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                with phases.timed("dns"):
                    found = await self._look_up(origin)
                with phases.timed("tcp"):
                    joined = await start_connection(found, happy_eyeballs_delay=0.25)
                with phases.timed("tls" if origin.tls else "tcp"):
                    _, connection = await loop.create_connection(
                        _Connection,
                        sock=joined,
                        ssl=self._context() if origin.tls else None,
                        server_hostname=origin.host if origin.tls else None,
                    )
        except ssl.SSLCertVerificationError:
            raise Unreachable("the server's certificate is not valid") from None
        except (OSError, TimeoutError, UnicodeError) as error:
            raise Unreachable(f"no connection ({type(error).__name__})") from None
        self.opened += 1
        return connection

    async def _look_up(self, origin: Origin) -> Any:
        """One at a time of a name, for all who wait for it: a hundred new connections would wait
        for each other's threads until they time out. The resolver waits five seconds for an answer
        that was lost, so that after a part of our time another look-up begins beside it."""
        waited = set[asyncio.Future[Any]]()
        while True:
            asked = self._looking_up.get(origin) or self._ask(origin)
            waited.add(asked)
            over, _ = await asyncio.wait(
                waited,
                timeout=self._connect_seconds / LOOK_UPS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if over:
                return over.pop().result()
            self._looked_up(origin, asked)

    def _ask(self, origin: Origin) -> "asyncio.Future[Any]":
        look_up = partial(socket.getaddrinfo, origin.host, origin.port, type=socket.SOCK_STREAM)
        loop = asyncio.get_running_loop()
        asked = self._looking_up[origin] = loop.run_in_executor(_look_up_threads(), look_up)
        asked.add_done_callback(lambda over: self._looked_up(origin, over))
        return asked

    def _looked_up(self, origin: Origin, asked: "asyncio.Future[Any]") -> None:
        """It is over, or others begin another one."""
        if self._looking_up.get(origin) is asked:
            del self._looking_up[origin]
        if asked.done() and not asked.cancelled():
            asked.exception()  # read, though everybody who waited may have given up

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
        return self._tls


@lru_cache(maxsize=1)
def _look_up_threads() -> ThreadPoolExecutor:
    """The loop's own has six threads here: two names that hang, for as long as the resolver likes,
    would keep all others from being looked up."""
    return ThreadPoolExecutor(LOOK_UP_THREADS, "dns")


@lru_cache(maxsize=1)
def shared_wire(timeout: tuple[float, float], ca_file: str) -> Wire:
    """The process's."""
    return Wire(timeout, ca_file)


class _Connection(asyncio.Protocol):
    """One exchange after another; httptools calls the `on_` methods."""

    def __init__(self) -> None:
        self.usable = False
        self.used_at = 0.0
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._status = 0
        self._body = b""
        self._first_byte_at = 0.0

    async def exchange(self, request: bytes, seconds: float, phases: Phases) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        self.usable = False
        self._status, self._body = 0, b""
        self._answer = loop.create_future()
        timer = loop.call_later(seconds, self._give_up, "no answer in time")
        self._first_byte_at = 0.0
        written_at = time.monotonic()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            timer.cancel()
            ended_at = time.monotonic()
            phases.wait += (self._first_byte_at or ended_at) - written_at
            phases.transfer += ended_at - (self._first_byte_at or ended_at)

    def _give_up(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Ambiguous(reason))
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():  # nobody asked: not a server to go on with
            self.usable = False
            self._transport.abort()
            return
        self._first_byte_at = self._first_byte_at or time.monotonic()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._give_up("the answer is not HTTP")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > MAX_ANSWER:
            self._give_up("the answer is too long")

    def on_message_complete(self) -> None:
        if self._status < 200:  # 100 Continue: the answer comes after it
            return
        self.usable = self._parser.should_keep_alive()
        self.used_at = time.monotonic()
        if not self.usable:
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._status, self._body))

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        if self._answer is None or self._answer.done():
            return
        if error is None and self._status >= 200:  # a body without a length ends like this
            self._answer.set_result((self._status, self._body))
        else:
            name = type(error).__name__ if error else "closed"
            self._answer.set_exception(Ambiguous(f"the connection broke ({name})"))
