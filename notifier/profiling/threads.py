"""What each thread does at this moment."""

import threading
import time
from collections.abc import Container

import msgspec

from notifier.profiling.places import Place, Stack, places_of, stacks, waits
from notifier.profiling.sampling import Clocks

GLANCE = 0.1
"""Seconds over which a thread's use of the processor is looked at."""


class Standing(msgspec.Struct):
    """A thread. `stack`: the outermost place first. `busy`: the share of the processor that it
    used for a tenth of a second, None where that is not known. `cpu`: seconds since it began."""

    name: str
    daemon: bool
    waits: bool
    busy: float | None
    cpu: float | None
    stack: list[Place]


class ThreadDump(msgspec.Struct, tag="threads"):
    threads: list[Standing]


def stand(left_out: Container[int]) -> ThreadDump:
    known = {one.ident: one for one in threading.enumerate()}
    found = stacks(left_out)
    clocks = Clocks()
    try:
        natives = {ident: getattr(known.get(ident), "native_id", None) for ident in found}
        before = {ident: clocks.read(native) for ident, native in natives.items()}
        time.sleep(GLANCE)
        standing = [
            _standing(known.get(ident), stack, before[ident], clocks.read(natives[ident]))
            for ident, stack in found.items()
        ]
    finally:
        clocks.close()
    return ThreadDump(sorted(standing, key=lambda one: (-(one.busy or 0), one.waits, one.name)))


def _standing(
    thread: threading.Thread | None, stack: Stack, before: int | None, after: int | None
) -> Standing:
    busy = None if before is None or after is None else (after - before) / 1_000_000 / GLANCE
    return Standing(
        name=thread.name if thread else "?",
        daemon=thread.daemon if thread else True,
        waits=waits(stack) if busy is None else busy < 0.1,
        busy=busy,
        cpu=None if after is None else after / 1_000_000,
        stack=list(places_of(stack)),
    )
