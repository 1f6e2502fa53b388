"""What is counted, for Prometheus. Labels are few: an account's number, a priority, a kind, a
state; never a person or a text of WeChat's.

With PROMETHEUS_MULTIPROC_DIR all processes of this machine count into one folder, and any web
process shows their sum.
"""

import atexit
import logging
import os
import threading
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress

from prometheus_client import Counter, Histogram, Summary

log = logging.getLogger(__name__)


class ManyAtOnce(Histogram):
    """`observe` takes 4 us where several processes count, as long as the rest of settling."""

    def observe_many(self, values: Sequence[float]) -> None:
        """Below zero, by a clock that was set, is zero."""
        rising = sorted(values)
        if rising and rising[0] < 0:
            rising = [max(0.0, each) for each in rising]
        self._sum.inc(sum(rising))
        below = 0
        for bound, bucket in zip(self._upper_bounds, self._buckets, strict=True):
            upto = bisect_right(rising, bound, below)
            if upto > below:
                bucket.inc(upto - below)
            below = upto


Labels = tuple[str | int, ...]


class Later:
    """What requests and settling count is told by a thread, a second's worth at once. Amid all the
    rest the processor's caches are cold: one count there takes 17 us, in a row 2.4, and so it is
    with looking for the labels'; a settled batch has twenty of them."""

    def __init__(self) -> None:
        self._noted: deque[tuple[Counter | ManyAtOnce, Labels, Sequence[float]]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # Nobody counts during a fork: the child would have the library's lock, locked for ever.
        os.register_at_fork(
            before=lambda: self._lock.acquire(),
            after_in_parent=lambda: self._lock.release(),
            after_in_child=self._begin_anew,
        )
        atexit.register(self.tell)

    def note(self, metric: Counter | ManyAtOnce, labels: Labels, *amounts: float) -> None:
        """The counter's increments, or what the histogram observed."""
        self._noted.append((metric, labels, amounts))
        if self._thread is None:
            self._begin()

    def tell(self) -> None:
        """Afterwards all that was noted before is counted."""
        found: defaultdict[tuple[Counter | ManyAtOnce, Labels], list[float]] = defaultdict(list)
        with self._lock:
            with suppress(IndexError):
                while True:
                    metric, labels, amounts = self._noted.popleft()
                    found[metric, labels] += amounts
            for (metric, labels), noted in found.items():
                try:
                    one = metric.labels(*labels) if labels else metric
                    if isinstance(one, ManyAtOnce):
                        one.observe_many(noted)
                    else:
                        one.inc(sum(noted))
                except Exception:  # the disk is full, say
                    log.exception("%s could not be counted", metric)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="counts", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        never = threading.Event()  # not time.sleep: tests replace it, for the whole process
        while not never.wait(1):
            self.tell()

    def _begin_anew(self) -> None:
        """In a child: what was noted is its parent's, and so is the thread."""
        self._noted.clear()
        self._lock, self._thread = threading.Lock(), None


later = Later()
accepted = Counter("hongyan_accepted", "Messages accepted", ["account", "priority"])
attempts = Counter("hongyan_attempts", "Calls of template/send by outcome", ["account", "kind"])
settled = Counter(
    "hongyan_settled",
    "Messages by the state that an attempt or a receipt left",
    ["account", "priority", "state"],
)
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3, 6.4, 12.8)
send_seconds = ManyAtOnce(
    "hongyan_send_seconds",
    "From the call to WeChat's answer, or to its failure",
    ["account"],
    buckets=SECONDS,
)
phase_seconds = ManyAtOnce(
    "hongyan_wechat_phase_seconds",
    "Of the calls of template/send, where there was this phase: a look-up (dns), a handshake (tcp, "
    "tls), the wait for the answer's first byte (wait), the rest of it (transfer), for a token "
    "(token), at addresses that gave no connection (lost)",
    ["account", "host", "phase"],
    buckets=SECONDS,
)
connections = Counter(
    "hongyan_wechat_connections",
    "Calls of template/send by the connection they went over: new, reused, or none: there was none",
    ["account", "host", "connection"],
)
call_seconds = Summary(
    "hongyan_wechat_call_seconds",
    "Of all other calls to WeChat, such as a token's (call: its path), by phases as those of "
    "template/send",
    ["account", "host", "call", "phase"],
)
pool_seconds = ManyAtOnce(
    "hongyan_pool_wait_seconds",
    "From the claim of a message to its call: it waits for a place among the calls in the air",
    ["account"],
    buckets=SECONDS,
)
claim_size = ManyAtOnce("hongyan_claim_size", "Rows of a claim", buckets=(1, 5, 20, 50, 100, 200))
recovered = Counter("hongyan_lease_recoveries", "Rows whose worker died, taken over")
receipts = Counter("hongyan_receipts", "WeChat's receipts by what they did", ["outcome"])
receipt_seconds = ManyAtOnce(
    "hongyan_receipt_lag_seconds",
    "From WeChat's answer to its receipt",
    ["account"],
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
)
webhook_seconds = ManyAtOnce(
    "hongyan_webhook_lag_seconds",
    "From an event to its endpoint's taking it, over all attempts",
    ["endpoint"],
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
request_seconds = ManyAtOnce(
    "hongyan_request_seconds",
    "Requests by route; of a stream until its first byte",
    ["route", "method", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15),
)
traces_left_out = Counter(
    "hongyan_traces_left_out",
    "Requests, messages, receipts and so on without spans, beyond TRACES_PER_SECOND; told when the "
    "next one is traced",
    ["work"],
)
webhook_attempts = Counter(
    "hongyan_webhook_attempts", "Posts of events to services by outcome", ["outcome"]
)
