"""How much of a process is traced. The spans of a message cost two thirds of what sending it does,
and nobody reads thousands of traces a second: what is beyond is left out, and counted."""

import threading
import time
from collections import defaultdict
from typing import Literal

from django.conf import settings

from notifier import metrics

Work = Literal["request", "callback", "message", "receipt", "webhook"]
"""Each has an allowance of its own: ten thousand receipts leave room for a request's trace."""
SAVED_SECONDS = 10
"""What was not used is kept so long: a quiet hour's burst is traced whole."""


class Allowance:
    """So many a second, and at most `SAVED_SECONDS` of them at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left, self._at = 0.0, float("-inf")

    def take(self, wanted: int, now: float) -> int:
        """How many of them may be traced; `now` by time.monotonic()."""
        rate = settings.TRACES_PER_SECOND
        if not rate:
            return wanted
        with self._lock:
            self._left = min(self._left + (now - self._at) * rate, rate * SAVED_SECONDS)
            self._at = now
            granted = min(wanted, int(self._left))
            self._left -= granted
        return granted


_allowances = defaultdict[Work, Allowance](Allowance)


def take(work: Work, wanted: int) -> int:
    """How many may be traced."""
    granted = _allowances[work].take(wanted, time.monotonic())
    if granted < wanted:
        metrics.traces_left_out.labels(work).inc(wanted - granted)
    return granted


def forget() -> None:
    """Nothing was traced yet."""
    _allowances.clear()
