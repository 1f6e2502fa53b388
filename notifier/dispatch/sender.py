"""The process's sender: one thread with many calls to WeChat in the air, and one that settles.

It outlives the job that fed it: a call that WeChat answers late holds up neither the worker's next
job nor the settling of the others. The calling thread touches no database; the settler alone does.
"""

import asyncio
import logging
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from functools import lru_cache
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis import RedisError

from notifier.dispatch import gate, holds, spacing
from notifier.dispatch.channel import Channel
from notifier.dispatch.claim import Claimed
from notifier.dispatch.lanes import Lane
from notifier.dispatch.reports import report_of
from notifier.dispatch.send import Attempt, Wait, attempt
from notifier.dispatch.settle import settle_surely
from notifier.models import Reason
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import Kind

log = logging.getLogger(__name__)

SETTLE_SIZE = 200
GATHER_SECONDS = 0.05
IDLE_SECONDS = 1.0
ANSWER_TIMES = frozenset({Kind.OK, Kind.AMBIGUOUS})
"""Outcomes whose time tells how busy WeChat is."""


class Sender:
    """`submit` returns at once; every submitted row is settled, if its lease allows it."""

    def __init__(self, ceiling: int, room: int) -> None:
        """`ceiling`: calls in the air at once, so also connections, of the process. `room`: there
        is room for another batch when so many rows of its lane wait for their call."""
        self.stopping = threading.Event()
        """Once set, what is in the air is finished and the rest goes back to its lane."""
        self._ceiling = ceiling
        self._room = room
        self._channels: dict[int, Channel] = {}
        self._runs: set[asyncio.Task[None]] = set()
        self._done: list[Attempt] = []
        self._results: SimpleQueue[tuple[int, list[Attempt]]] = SimpleQueue()
        self._unparked: set[int] = set()
        self._handed = 0
        self._unsent: Counter[Lane] = Counter()
        self._unsettled: Counter[Lane] = Counter()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="wire", daemon=True).start()
        threading.Thread(target=self._settle, name="settler", daemon=True).start()

    def submit(
        self, client: WeChatClient, limits: gate.Limits, batch: list[Claimed], granted_at: float
    ) -> None:
        """All of one lane, which the gate has let through: at `granted_at`, time.monotonic()."""
        lane = batch[0].lane
        with self._changed:
            self._unsent[lane] += len(batch)
            self._unsettled[lane] += len(batch)
        self._loop.call_soon_threadsafe(self._take, client, limits, batch, granted_at)

    def hand_back(self, waits: list[tuple[Claimed, Wait]]) -> None:
        """Rows that were claimed and must wait: settled with the rest."""
        if waits:
            with self._changed:
                self._unsettled[waits[0][0].lane] += len(waits)
            back = [Attempt(one, None, wait=wait, is_given_back=True) for one, wait in waits]
            self._results.put((0, back))

    def hold(self, account_id: int) -> None:
        """The account's breaker is open: what has not been called yet goes back to its lane."""
        self._loop.call_soon_threadsafe(self._hold, account_id, time.monotonic())

    def wait_for_room(self, lane: Lane, seconds: float) -> bool:
        """True as soon as there is. Each lane has counts of its own, so that neither `urgent` nor
        another account ever waits for a campaign."""
        unsettled = self._ceiling + 4 * SETTLE_SIZE  # a slow database slows the claims down

        def has_room() -> bool:
            return self._unsent[lane] <= self._room and self._unsettled[lane] <= unsettled

        with self._changed:
            return self._changed.wait_for(has_room, max(seconds, 0))

    def finish(self, seconds: float) -> bool:
        """Waits until all is settled."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._unsettled.values()), seconds)

    # On the loop's thread

    def _take(
        self, client: WeChatClient, limits: gate.Limits, batch: list[Claimed], granted_at: float
    ) -> None:
        lane = batch[0].lane
        channel = self._channels.setdefault(lane.account_id, Channel(self._ceiling))
        channel.limits = limits
        channel.opened(granted_at)
        channel.waiting[lane.priority].extend((client, claimed) for claimed in batch)
        self._start(channel)

    def _told(self, account_id: int, handed: int, is_open: bool, at: float) -> None:
        """The gate has heard of all the account's results up to a hand-over."""
        channel = self._channels.get(account_id)
        if channel is None:  # all of them were handed back
            return
        if handed >= channel.untold:
            channel.untold = 0
        if is_open:
            self._hold(account_id, at)

    def _hold(self, account_id: int, at: float) -> None:
        if channel := self._channels.get(account_id):
            channel.is_held, channel.held_at = True, at

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
            self._taken(claimed.lane)
            if self.stopping.is_set() or channel.is_held:
                self._deliver(_untried(claimed, channel))
                continue
            result = channel.judged(await attempt(client, claimed, call_seconds))
            self._deliver(result)
            if result.kind is not None and channel.noted(result) and not channel.untold:
                channel.untold = self._hand_over()
            if result.kind in ANSWER_TIMES and channel.window.sample(
                result.seconds, channel.in_air
            ):
                self._start(channel)
        channel.in_air -= 1

    def _taken(self, lane: Lane) -> None:
        with self._changed:
            self._unsent[lane] -= 1
            if self._unsent[lane] == self._room:  # not at each: it wakes the claiming thread
                self._changed.notify_all()

    def _deliver(self, result: Attempt) -> None:
        self._done.append(result)
        if len(self._done) >= SETTLE_SIZE:
            self._hand_over()
        elif len(self._done) == 1:
            self._loop.call_later(GATHER_SECONDS, self._hand_over)

    def _hand_over(self) -> int:
        """Its number."""
        if self._done:
            self._handed += 1
            self._results.put((self._handed, self._done))
            self._done = []
        return self._handed

    # On the settler's thread

    def _settle(self) -> None:
        while True:
            try:
                handed, attempts = self._next_results()
            except Empty:
                # Nothing to do: no connection of ours may outlive the database's patience.
                connection.close()
                continue
            # Each by itself: neither may cost the other, nor end the thread.
            self._tell_gates(attempts, handed)
            for step in (self._note_use, self._store, self._count_refusals, self._look_again):
                try:
                    step(attempts)
                except Exception:
                    log.exception("%d results: %s failed", len(attempts), step.__name__)
                    with suppress(Exception):
                        connection.close()
            with self._changed:
                for one in attempts:
                    self._unsettled[one.claimed.lane] -= 1
                self._changed.notify_all()

    def _next_results(self) -> tuple[int, list[Attempt]]:
        """When the database is the slower one, several batches at once: one commit for all."""
        handed, first = self._results.get(timeout=IDLE_SECONDS)
        attempts = list(first)
        while len(attempts) < SETTLE_SIZE * 4 and not self._results.empty():
            number, more = self._results.get_nowait()
            handed, attempts = max(handed, number), attempts + more
        return handed, attempts

    def _tell_gates(self, attempts: list[Attempt], handed: int) -> None:
        """Before the results are stored: the breaker must open before the next claim."""
        for account_id, batch in _by_account(attempts).items():
            is_open = False
            try:
                is_open = self._tell_gate(account_id, [one for one in batch if one.kind])
            except RedisError as error:
                log.warning("redis is away (%s)", type(error).__name__)
            except Exception:
                log.exception("%d results: the gate was not told", len(batch))
            at = time.monotonic()
            # Also of those that were not tried: a channel may wait for just this hand-over.
            self._loop.call_soon_threadsafe(self._told, account_id, handed, is_open, at)

    def _tell_gate(self, account_id: int, tried: list[Attempt]) -> bool:
        """True: the breaker is open."""
        if not tried:
            return False
        report, limits = report_of(tried), self._channels[account_id].limits
        told = gate.tell(account_id, report, limits, timezone.now())
        if told.has_opened:
            why = report.cause or "no usable answer"
            log.error("account %d is stopped, and probed (%s)", account_id, why)
        if told.is_unparked:
            self._unparked.add(account_id)
        return told.is_open

    def _note_use(self, attempts: list[Attempt]) -> None:
        """Of people's turns, and of what the gate granted."""
        with suppress(RedisError):
            for account_id, batch in _by_account(attempts).items():
                if channel := self._channels.get(account_id):
                    spacing.note(batch, channel.limits.spacing)
                # Nobody needs to be claimed who would hear the same.
                waits = [one.wait for one in batch if one.wait]
                if pauses := [wait.until for wait in waits if wait.reason is Reason.PACE]:
                    gate.pause(account_id, max(pauses))
                if free := [one.claimed.claimed_at for one in batch if _is_free(one)]:
                    gate.give_back_late(account_id, len(free), min(free))

    def _store(self, attempts: list[Attempt]) -> None:
        settle_surely(attempts, time.sleep)

    def _count_refusals(self, attempts: list[Attempt]) -> None:
        with suppress(RedisError):
            holds.count_refusals(attempts, timezone.now())

    def _look_again(self, attempts: list[Attempt]) -> None:
        holds.release_missed(attempts, timezone.now())
        for account_id in [*self._unparked]:
            holds.release_quota(account_id, timezone.now())
            self._unparked.discard(account_id)


def _by_account(attempts: list[Attempt]) -> dict[int, list[Attempt]]:
    found: dict[int, list[Attempt]] = defaultdict(list)
    for one in attempts:
        found[one.claimed.lane.account_id].append(one)
    return found


def _is_free(attempt: Attempt) -> bool:
    """What it took from the account's pace and quota was not used."""
    is_untried = attempt.kind is None and not attempt.is_given_back
    return is_untried and not attempt.claimed.is_probe


def _untried(claimed: Claimed, channel: Channel) -> Attempt:
    wait = Wait(Reason.ACCOUNT, timezone.now()) if channel.is_held else None
    return Attempt(claimed, None, wait=wait)


@lru_cache(maxsize=1)
def sender() -> Sender:
    return Sender(settings.DISPATCH_CONNECTIONS, settings.DISPATCH_CLAIM_SIZE // 2)
