"""The process's sender: a bounded pool of threads that call WeChat, and one that settles.

It outlives the job that fed it: a call that WeChat answers late holds up neither the worker's next
job nor the settling of the others. Sender threads touch no database; the settler alone does.
"""

import logging
import threading
import time
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
from notifier.models import Priority
from notifier.wechat.client import WeChatClient

log = logging.getLogger(__name__)

SETTLE_SIZE = 200
GATHER_SECONDS = 0.05
IDLE_SECONDS = 1.0


class Sender:
    """`submit` returns at once; every submitted row is settled, if its lease allows it."""

    def __init__(self, threads: int) -> None:
        self.stopping = threading.Event()
        """Once set, what is in the air is finished and the rest goes back to its lane."""
        self._waiting = {priority: deque[tuple[WeChatClient, Claimed]]() for priority in Priority}
        self._tickets: SimpleQueue[None] = SimpleQueue()
        self._results: SimpleQueue[Attempt] = SimpleQueue()
        self._in_air = dict.fromkeys(Priority, 0)
        self._changed = threading.Condition()
        for number in range(threads):
            threading.Thread(target=self._send, name=f"sender-{number}", daemon=True).start()
        threading.Thread(target=self._settle, name="settler", daemon=True).start()

    def submit(self, client: WeChatClient, priority: Priority, batch: list[Claimed]) -> None:
        """Each of the batch has the priority."""
        with self._changed:
            self._in_air[priority] += len(batch)
        self._waiting[priority].extend((client, claimed) for claimed in batch)
        for _ in batch:
            self._tickets.put(None)

    def wait_for_room(self, priority: Priority, room: int, seconds: float) -> bool:
        """True as soon as at most `room` rows of the priority are unsettled. Each has a count of
        its own, so that `urgent` never waits for a campaign."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_air[priority] <= room, max(seconds, 0))

    def finish(self, seconds: float) -> bool:
        """Waits until all is settled."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._in_air.values()), seconds)

    def _send(self) -> None:
        call_seconds = settings.WECHAT_CONNECT_TIMEOUT + settings.WECHAT_READ_TIMEOUT
        while True:
            self._tickets.get()
            client, claimed = self._next()
            if self.stopping.is_set():
                self._results.put(Attempt(claimed, None))
            else:
                self._results.put(attempt(client, claimed, call_seconds))

    def _next(self) -> tuple[WeChatClient, Claimed]:
        """The most urgent. There are as many rows as tickets, so one of the queues has one."""
        while True:
            for rows in self._waiting.values():
                try:
                    return rows.popleft()
                except IndexError:
                    continue

    def _settle(self) -> None:
        while True:
            attempts = self._gather()
            try:
                if attempts:
                    settle(attempts, timezone.now())
                else:
                    # Nothing to do: no connection of ours may outlive the database's patience.
                    connection.close()
            except Exception:
                # The rows stay claimed until the lease ends; then recovery repeats them with the
                # same client_msg_id. The thread must go on, whatever the database does.
                log.exception("%d results could not be stored", len(attempts))
                with suppress(Exception):
                    close_old_connections()
            with self._changed:
                for one in attempts:
                    self._in_air[one.claimed.priority] -= 1
                self._changed.notify_all()

    def _gather(self) -> list[Attempt]:
        """What comes within a moment of the first result; nothing after a second of silence."""
        try:
            gathered = [self._results.get(timeout=IDLE_SECONDS)]
        except Empty:
            return []
        until = time.monotonic() + GATHER_SECONDS
        while len(gathered) < SETTLE_SIZE:
            try:
                gathered.append(self._results.get(timeout=max(until - time.monotonic(), 0)))
            except Empty:
                break
        return gathered


@lru_cache(maxsize=1)
def sender() -> Sender:
    return Sender(settings.DISPATCH_THREADS)
