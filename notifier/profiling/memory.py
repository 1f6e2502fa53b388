"""Where memory goes: what was allocated while one looks and is still held, line by line.

tracemalloc knows nothing of what was allocated before it began, and makes code that allocates four
to five times as slow: it is on for as long as somebody looks, and off afterwards, whatever happens.
"""

import os
import resource
import sys
import time
import tracemalloc
from heapq import nlargest
from pathlib import Path

import msgspec

from notifier.profiling.places import Place, file_of

TOP = 50
MOST_BYTES = 256 * 1024 * 1024
"""What tracemalloc may take for its own book; it ends early there."""
LOOK = 0.2


class Line(msgspec.Struct, array_like=True):
    """Bytes and blocks that are held at the end, and how many more than at the beginning."""

    place: Place
    grown: int
    grown_blocks: int
    held: int
    blocks: int


class MemoryProfile(msgspec.Struct, tag="memory"):
    """Bytes. `rss` is the process's whole memory as the system counts it, `held` what tracemalloc
    saw allocated and not freed, `peak` the most of it."""

    seconds: float
    ended_early: bool
    rss_before: int
    rss_after: int
    held: int
    peak: int
    lines: list[Line]
    """Those that grew most."""
    holding: list[Line]
    """Those that hold most, where tracemalloc saw all of it: PYTHONTRACEMALLOC=1 began it with the
    process. Else empty."""


def watch(seconds: float) -> MemoryProfile:
    rss_before, began, early = rss(), time.perf_counter(), False
    ours = not tracemalloc.is_tracing()  # PYTHONTRACEMALLOC may have it on for good
    if ours:
        tracemalloc.start(1)
    try:
        first = tracemalloc.take_snapshot()
        while (left := began + seconds - time.perf_counter()) > 0 and not early:
            time.sleep(min(left, LOOK))
            early = tracemalloc.get_tracemalloc_memory() > MOST_BYTES
        last = tracemalloc.take_snapshot()
        held, peak = tracemalloc.get_traced_memory()
    finally:
        if ours:
            tracemalloc.stop()
    lines = _lines(first, last)
    return MemoryProfile(
        seconds=time.perf_counter() - began,
        ended_early=early,
        rss_before=rss_before,
        rss_after=rss(),
        held=held,
        peak=peak,
        lines=[one for one in nlargest(TOP, lines, key=lambda one: one.grown) if one.grown > 0],
        holding=[] if ours else nlargest(TOP, lines, key=lambda one: one.held),
    )


def _lines(first: tracemalloc.Snapshot, last: tracemalloc.Snapshot) -> list[Line]:
    own = [
        tracemalloc.Filter(False, tracemalloc.__file__),
        tracemalloc.Filter(False, str(Path(__file__).parent / "*")),
    ]
    found = last.filter_traces(own).compare_to(first.filter_traces(own), "lineno")
    return [
        Line(
            Place("", file_of(one.traceback[0].filename), one.traceback[0].lineno),
            one.size_diff,
            one.count_diff,
            one.size,
            one.count,
        )
        for one in found
    ]


def rss() -> int:
    """Bytes of memory that this process holds; where there is no /proc, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
