"""How much of a process is traced. The spans of a message cost as much as sending it does, and
nobody reads thousands of traces a second: what is beyond is left out, and counted."""

import threading
import time
from functools import lru_cache
from typing import Literal

from django.conf import settings

from notifier import metrics

Work = Literal["request", "callback", "message", "trouble", "receipt", "webhook"]
"""Each has an allowance of its own: ten thousand receipts leave room for a request's trace, and an
outage for that of a message which arrives. `trouble`: attempts that failed, were slow, were made
again."""
TIMES: dict[Work, int] = {"message": 2, "receipt": 2, "webhook": 4}
"""For one request: a worker and the clock serve two web processes, and a message makes two
events."""
SAVED_SECONDS = 10
"""What was not used is kept so long."""
GATHERED_SECONDS = 1
"""Once used up, so much is gathered before the next: ten messages traced one after the other take
half the time of ten among thousands, for each of which the code is out of the caches."""


class Allowance:
    """So many a second, and at most `SAVED_SECONDS` of them at once."""

    def __init__(self, work: Work) -> None:
        self._rate = settings.TRACES_PER_SECOND * TIMES.get(work, 1)
        self._counter = metrics.traces_left_out.labels(work)
        self._left_out = 0
        """Not yet counted: that takes as long as all the rest, and is done when one is traced."""
        self._lock = threading.Lock()
        self._saved, self._at = 0.0, float("-inf")
        self._next = float("-inf")
        """Nothing before; then a second's worth."""

    def take(self, wanted: int, now: float) -> int:
        """How many of them may be traced; `now` by time.monotonic()."""
        if not self._rate:
            return wanted
        with self._lock:
            if now < self._next:
                self._left_out += wanted
                return 0
            saved = self._saved + (now - self._at) * self._rate
            saved = min(saved, self._rate * SAVED_SECONDS)
            granted = min(wanted, int(saved))
            self._saved, self._at = saved - granted, now
            if self._saved < 1:
                self._next = now + GATHERED_SECONDS
            self._left_out += wanted - granted
            if granted and self._left_out:
                self._counter.inc(self._left_out)
                self._left_out = 0
        return granted


@lru_cache(maxsize=6)
def of(work: Work) -> Allowance:
    """This process's."""
    return Allowance(work)


def take(work: Work, wanted: int) -> int:
    """How many may be traced."""
    return of(work).take(wanted, time.monotonic())
