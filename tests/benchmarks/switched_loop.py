"""Our dispatch, whose observing is switched on and off between blocks of messages in one process:
two processes of the same code differ by several per cent, more than what is to be measured.
Prints microseconds for a message, of the processor's and by the clock, each off and on (off, times
the ratio of neighbouring blocks, and a share of what is done at intervals). BLOCKS is even.
python -m tests.benchmarks.switched_loop N BLOCKS [SHARE]

SHARE: the messages have a trace, of which so many are exported while it is on.
"""

from tests.benchmarks import our_loop  # isort: skip - sets Django up
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import fmean, median

from django.conf import settings

from notifier import garbage, metrics, tracing
from notifier.dispatch import send, settle
from notifier.tracing import allowance, sdk
from notifier.tracing.allowance import Work
from notifier.wechat.phases import Phases

Clock = Callable[[], float]
CLOCKS: tuple[Clock, ...] = (time.process_time, time.monotonic)
CUT = 0.1
"""Of the ratios, at either end. What is traced is traced once a second, so that it is in some of
the ratios and not in others: in their median it would not be."""
EXPORTED_SECONDS = 5
"""OTEL_BSP_SCHEDULE_DELAY's own default; here it is set so high that the thread exports nothing but
what is more than a batch."""


class _Untimed(Phases):
    """As ordinary as any: it writes nothing beside its message."""

    def timed(self, _name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def is_ordinary(self) -> bool:
        return True


class _Load:
    """One that does not end: of traces nothing is saved up, and time goes by only while it is on,
    for what is exported and counted at intervals, too."""

    def __init__(self) -> None:
        allowance.of.cache_clear()
        metrics.later.tell()
        self.seconds = self.exported = 0.0
        self.began = time.monotonic()
        self.take("message", sys.maxsize)

    def take(self, work: Work, wanted: int) -> int:
        return allowance.of(work).take(wanted, self.seconds + time.monotonic() - self.began)

    def end(self) -> None:
        before, self.seconds = self.seconds, self.seconds + time.monotonic() - self.began
        if int(before) != int(self.seconds):
            metrics.later.tell()
        every = EXPORTED_SECONDS if settings.TRACES_PER_SECOND else 0
        if self.seconds - self.exported >= every:
            self.exported = self.seconds
            self.export()

    def export(self) -> None:
        if tracing.is_on():
            sdk.processor().force_flush()


_UNTIMED = _Untimed()
WATCHING = {
    (metrics.later, "note"): lambda *_args: None,
    (settle, "count_attempts"): lambda _steps: None,
    (settle, "_tell_slow"): lambda _attempts: None,
    (settle, "_tell_lost"): lambda _steps: None,
    (tracing, "is_on"): lambda: False,
    (send, "Phases"): lambda: _UNTIMED,
}
"""What is called to observe, and what is called instead."""
_OBSERVING = {place: getattr(*place) for place in WATCHING}


def switch(is_on: bool) -> None:
    for (module, name), nothing in WATCHING.items():
        setattr(module, name, _OBSERVING[module, name] if is_on else nothing)


def main(count: int, blocks: int, traced: float) -> list[float]:
    our_loop.empty()
    garbage.spare()  # as the worker does
    metrics.later._begin = lambda: None  # type: ignore[method-assign]
    found: dict[Clock, list[float]] = {clock: [] for clock in CLOCKS}
    beside = dict.fromkeys(CLOCKS, 0.0)
    our_loop.send(our_loop.fill(300, traced=traced))
    load = _Load()
    tracing.allowed = load.take
    for number in range(2 * blocks):
        # on off off on: what rises or falls meanwhile is shared alike.
        is_on = number % 4 in (0, 3)
        switch(is_on)
        our_loop.empty()  # a table that grows would make all slower, by turns or not
        lane = our_loop.fill(count, traced=traced)
        load.began = time.monotonic()
        with _timed() as took:
            our_loop.send(lane)
        for clock in CLOCKS:
            found[clock].append(took[clock])
        if is_on:
            with _timed() as took:
                load.end()
            beside = {clock: beside[clock] + took[clock] for clock in CLOCKS}
    switch(True)
    with _timed() as took:
        metrics.later.tell()  # what is left
        load.export()
    costs = []
    for clock, seconds in found.items():
        off = median(one for number, one in enumerate(seconds) if number % 4 in (1, 2))
        on = off * _ratio(seconds) + (beside[clock] + took[clock]) / blocks
        costs += [off / count * 1e6, on / count * 1e6]
    return costs


def _ratio(seconds: list[float]) -> float:
    """On to off: of four blocks that follow each other, and of all these the mean, but for the
    lowest and highest. The machine is slower for seconds or for minutes; what is far apart cannot
    be compared."""
    fours = zip(*(seconds[place::4] for place in range(4)), strict=True)
    ratios = sorted((one + four) / (two + three) for one, two, three, four in fours)
    cut = round(CUT * len(ratios))
    return fmean(ratios[cut : len(ratios) - cut])


@contextmanager
def _timed() -> Iterator[dict[Clock, float]]:
    """Seconds by each clock, at the end."""
    began = {clock: clock() for clock in CLOCKS}
    took: dict[Clock, float] = {}
    yield took
    took |= {clock: clock() - began[clock] for clock in CLOCKS}


if __name__ == "__main__":
    print(*main(int(sys.argv[1]), int(sys.argv[2]), float([*sys.argv, "0"][3])))
