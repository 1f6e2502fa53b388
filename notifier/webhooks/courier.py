"""Posts what is due, from a thread of the clock and threads of its own.

Each endpoint has its own small share of the threads, and those that fail together may hold no more
than half of them: one that hangs or is dead delays nobody else.
"""

import logging
import random
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from django.db import close_old_connections
from django.utils import timezone

from notifier.models import WebhookEndpoint
from notifier.models.away import AWAY
from notifier.webhooks.post import post
from notifier.webhooks.retry import FAILURES
from notifier.webhooks.taking import Run, settle, take, with_due
from notifier.webhooks.wire import Line, session_on

log = logging.getLogger(__name__)

THREADS = 64
FOR_FAILING = THREADS // 2
FOR_SECOND = THREADS // 2
"""Above it nobody begins a second run: many may begin to hang at the same time."""
RUNS_AT_ONCE = 2
"""Of an endpoint; of one that fails, one."""
RUN_LENGTH = 25
RUN_SECONDS = 20
"""After which a run begins no further call."""


@dataclass(slots=True)
class Posting:
    """A run and its thread's line."""

    run: Run
    line: Line
    is_failing: bool


class Courier:
    def __init__(self) -> None:
        self._postings: list[Posting] = []
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def work(self) -> bool:
        """One round; True: go on at once."""
        close_old_connections()
        with self._lock:
            if not self._stopping.is_set():
                self._begin()
            is_busy = bool(self._postings)
            if is_busy:
                self._news.wait(0.2)
            self._look()
            return is_busy

    def finish(self, seconds: float) -> None:
        """Begins nothing more; the calls in the air are waited for, and their results stored."""
        self._stopping.set()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and self.work():
            pass

    def _look(self) -> None:
        self._news.clear()
        for posting in list(self._postings):
            posting.line.cut_if_late()
            if posting.run.is_over:
                self._settle(posting)

    def _settle(self, posting: Posting) -> None:
        try:
            settle(posting.run, timezone.now(), random.random())  # noqa: S311
        except AWAY:  # the next round tries it again, while the lease lasts
            raise
        except Exception:
            log.exception("results of webhooks could not be stored; they are posted again")
        self._postings.remove(posting)

    def _begin(self) -> None:
        """An endpoint's first run, then its second: nobody gets two while another has none."""
        endpoints = list(with_due(timezone.now())) if len(self._postings) < THREADS else []
        for turn in range(RUNS_AT_ONCE):
            endpoints = [one for one in endpoints if self._begin_one(one, turn)]

    def _begin_one(self, endpoint: WebhookEndpoint, turn: int) -> bool:
        """Whether it may have another one."""
        is_failing = endpoint.failures > 0
        own = self._count_of(endpoint.pk)
        if own > turn:
            return True
        failing_ones = sum(one.is_failing for one in self._postings)
        is_too_much = is_failing and (own > 0 or turn > 0 or failing_ones >= FOR_FAILING)
        most = FOR_SECOND if turn else THREADS
        if is_too_much or len(self._postings) >= most:
            return False
        is_probe = endpoint.failures >= FAILURES
        run = take(endpoint, 1 if is_probe else RUN_LENGTH, timezone.now())
        if run is None:
            return False
        posting = Posting(run, Line(), is_failing)
        self._postings.append(posting)
        threading.Thread(target=self._post, args=(posting,), name="webhook", daemon=True).start()
        return len(run.parcels) == RUN_LENGTH

    def _count_of(self, endpoint_id: UUID) -> int:
        return sum(one.run.endpoint_id == endpoint_id for one in self._postings)

    def _post(self, posting: Posting) -> None:
        """Ends with the first call that fails: the next would, too, and each costs a delivery one
        of its attempts."""
        run, line = posting.run, posting.line
        ends = time.monotonic() + RUN_SECONDS
        try:
            with session_on(line) as session:
                for parcel in run.parcels:
                    if time.monotonic() > ends or self._stopping.is_set():
                        return
                    result = post(session, line, run.url, run.secrets, parcel)
                    run.results.append(result)
                    if result.problem:
                        return
        finally:
            run.is_over = True
            self._news.set()


courier = Courier()
