"""The process's sender: one thread with many calls to WeChat in the air, and one that settles.

It outlives the job that fed it: a call that WeChat answers late holds up neither the worker's next
job nor the settling of the others. The calling thread touches no database; the settler alone does.
"""

import asyncio
import logging
import threading
from collections import deque
from contextlib import suppress
from functools import lru_cache
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from notifier.dispatch.claim import Claimed
from notifier.dispatch.send import Attempt, attempt
from notifier.dispatch.settle import settle
from notifier.dispatch.window import Window
from notifier.models import Priority
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import Kind

log = logging.getLogger(__name__)

SETTLE_SIZE = 200
GATHER_SECONDS = 0.05
IDLE_SECONDS = 1.0
ANSWER_TIMES = frozenset({Kind.OK, Kind.AMBIGUOUS})
"""Outcomes whose time tells how busy WeChat is."""


class Channel:
    """One account's rows that wait for a call, and how many calls of it are in the air."""

    def __init__(self, ceiling: int) -> None:
        self.window = Window(ceiling)
        self.in_air = 0
        self.waiting = {priority: deque[tuple[WeChatClient, Claimed]]() for priority in Priority}

    def next(self) -> tuple[WeChatClient, Claimed] | None:
        """The most urgent."""
        return next((rows.popleft() for rows in self.waiting.values() if rows), None)

    def is_busy(self) -> bool:
        return self.in_air > 0 or any(self.waiting.values())


class Sender:
    """`submit` returns at once; every submitted row is settled, if its lease allows it."""

    def __init__(self, ceiling: int, room: int) -> None:
        """`ceiling`: calls in the air at once, so also connections, of the process. `room`: there
        is room for another batch when so many rows of its priority wait for their call."""
        self.stopping = threading.Event()
        """Once set, what is in the air is finished and the rest goes back to its lane."""
        self._ceiling = ceiling
        self._room = room
        self._channels: dict[str, Channel] = {}
        self._runs: set[asyncio.Task[None]] = set()
        self._done: list[Attempt] = []
        self._results: SimpleQueue[list[Attempt]] = SimpleQueue()
        self._unsent = dict.fromkeys(Priority, 0)
        self._unsettled = dict.fromkeys(Priority, 0)
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="wire", daemon=True).start()
        threading.Thread(target=self._settle, name="settler", daemon=True).start()

    def submit(self, client: WeChatClient, priority: Priority, batch: list[Claimed]) -> None:
        """Each of the batch has the priority."""
        with self._changed:
            self._unsent[priority] += len(batch)
            self._unsettled[priority] += len(batch)
        self._loop.call_soon_threadsafe(self._take, client, priority, batch)

    def wait_for_room(self, priority: Priority, seconds: float) -> bool:
        """True as soon as there is. Each priority has counts of its own, so that `urgent` never
        waits for a campaign."""
        unsettled = self._ceiling + 4 * SETTLE_SIZE  # a slow database slows the claims down

        def has_room() -> bool:
            return self._unsent[priority] <= self._room and self._unsettled[priority] <= unsettled

        with self._changed:
            return self._changed.wait_for(has_room, max(seconds, 0))

    def finish(self, seconds: float) -> bool:
        """Waits until all is settled."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._unsettled.values()), seconds)

    # On the loop's thread

    def _take(self, client: WeChatClient, priority: Priority, batch: list[Claimed]) -> None:
        channel = self._channels.setdefault(client.appid, Channel(self._ceiling))
        channel.waiting[priority].extend((client, claimed) for claimed in batch)
        self._start(channel)

    def _start(self, channel: Channel) -> None:
        """As many runs as the rows need and the channel may have."""
        rows = sum(map(len, channel.waiting.values()))
        for _ in range(min(rows, self._share(channel) - channel.in_air)):
            channel.in_air += 1
            run = self._loop.create_task(self._run(channel))
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)

    def _share(self, channel: Channel) -> int:
        """Busy accounts share the process's connections evenly."""
        busy = sum(one.is_busy() for one in self._channels.values())
        return min(channel.window.limit, max(self._ceiling // max(busy, 1), 1))

    async def _run(self, channel: Channel) -> None:
        """One call after another, while there are rows and the channel may have so many runs."""
        call_seconds = settings.WECHAT_CONNECT_TIMEOUT + settings.WECHAT_READ_TIMEOUT
        while channel.in_air <= self._share(channel) and (row := channel.next()):
            client, claimed = row
            self._taken(claimed.priority)
            if self.stopping.is_set():
                self._deliver(Attempt(claimed, None))
                continue
            result = await attempt(client, claimed, call_seconds)
            self._deliver(result)
            if result.kind in ANSWER_TIMES and channel.window.sample(
                result.seconds, channel.in_air
            ):
                self._start(channel)
        channel.in_air -= 1

    def _taken(self, priority: Priority) -> None:
        with self._changed:
            self._unsent[priority] -= 1
            if self._unsent[priority] == self._room:  # not at each: it wakes the claiming thread
                self._changed.notify_all()

    def _deliver(self, result: Attempt) -> None:
        self._done.append(result)
        if len(self._done) >= SETTLE_SIZE:
            self._hand_over()
        elif len(self._done) == 1:
            self._loop.call_later(GATHER_SECONDS, self._hand_over)

    def _hand_over(self) -> None:
        if self._done:
            self._results.put(self._done)
            self._done = []

    # On the settler's thread

    def _settle(self) -> None:
        while True:
            try:
                attempts = self._results.get(timeout=IDLE_SECONDS)
            except Empty:
                # Nothing to do: no connection of ours may outlive the database's patience.
                connection.close()
                continue
            try:
                settle(attempts, timezone.now())
            except Exception:
                # The rows stay claimed until the lease ends; then recovery repeats them with the
                # same client_msg_id. The thread must go on, whatever the database does.
                log.exception("%d results could not be stored", len(attempts))
                with suppress(Exception):
                    close_old_connections()
            with self._changed:
                for one in attempts:
                    self._unsettled[one.claimed.priority] -= 1
                self._changed.notify_all()


@lru_cache(maxsize=1)
def sender() -> Sender:
    return Sender(settings.DISPATCH_CONNECTIONS, settings.DISPATCH_CLAIM_SIZE // 2)
