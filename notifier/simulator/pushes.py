"""Delivers callback pushes: when they are due, 64 at once, 5 seconds each, three attempts."""

import asyncio
import heapq
import itertools

import aiohttp
from yarl import URL

from .envelope import sealed
from .outbox import Push

AT_ONCE = 64
PENDING = 200_000
TIMEOUT = aiohttp.ClientTimeout(total=5)
ATTEMPTS = 3
HEADERS = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"}


class Pushes:
    def __init__(self) -> None:
        self.retry_ms = 1000.0
        self.acknowledged: list[int] = []
        """Numbers of messages whose receipt was acknowledged lately, for the phones."""
        self.acknowledged_total = 0
        self._due: list[tuple[float, int, Push]] = []
        self._sequence = itertools.count()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE, ssl=False),
            timeout=TIMEOUT,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        self.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def clear(self) -> None:
        for _, _, push in self._due:
            push.account.counters.receipts_pending -= push.message is not None
        self._due.clear()

    def schedule(self, push: Push, delay: float) -> None:
        if len(self._due) >= PENDING:
            return
        push.account.counters.receipts_pending += push.message is not None
        due = asyncio.get_running_loop().time() + delay
        heapq.heappush(self._due, (due, next(self._sequence), push))
        if self._timer is None or due < self._armed_for:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due and len(self._running) < AT_ONCE:
            self._armed_for = self._due[0][0]
            self._timer = asyncio.get_running_loop().call_at(self._armed_for, self._pump)

    def _pump(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._due and len(self._running) < AT_ONCE and self._due[0][0] <= now:
            _, _, push = heapq.heappop(self._due)
            task = asyncio.create_task(self._due_now(push))
            self._running.add(task)
            task.add_done_callback(self._finished)
        self._arm()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._timer is None:
            self._arm()

    async def _due_now(self, push: Push) -> None:
        push.account.counters.receipts_pending -= push.message is not None
        await self.attempt(push)

    async def attempt(self, push: Push) -> None:
        """Deliver now; when that fails, again later, three times in all."""
        if not await self._acknowledged(push) and push.attempt < ATTEMPTS:
            push.attempt += 1
            self.schedule(push, self.retry_ms / 1000)

    async def _acknowledged(self, push: Push) -> bool:
        """Deliver once; true when the answer is HTTP 200 with `success` or nothing."""
        counters = push.account.counters
        if push.message is not None and push.attempt == 1:
            counters.receipts_sent += 1
        status, body = await self.deliver(push)
        if status != 200 or body.strip() not in (b"success", b""):
            return False
        if push.message is not None:
            counters.receipts_acknowledged += 1
            push.message.receipt = push.status
            self.acknowledged_total += 1
            self.acknowledged.append(push.message.n)
            del self.acknowledged[:-2_000]
        return True

    async def deliver(self, push: Push) -> tuple[int, bytes]:
        """The callback's HTTP status and body; status 0 when there was no answer."""
        query, body = sealed(push.account, push.xml_fields())
        return await self.call("POST", push.account.callback_url, query, body)

    async def call(
        self, method: str, address: str, query: str, body: bytes = b""
    ) -> tuple[int, bytes]:
        url = URL(f"{address}{'&' if '?' in address else '?'}{query}", encoded=True)
        assert self._session is not None, "open() comes first"  # noqa: S101
        try:
            async with self._session.request(
                method, url, data=body, headers=HEADERS, allow_redirects=False
            ) as response:
                return response.status, await response.content.read(65_536)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return 0, f"{type(error).__name__}: {error}".encode()
