"""The statistical CPU profile: a hundred times a second, what every thread does.

Our own, because pyinstrument sees the one thread that starts it, and py-spy reads the process from
outside and needs ptrace, which containers refuse and another machine cannot have.

What it costs is paid while it runs, and all of it by the profiled process: each sample takes the
interpreter's lock for as long as the stacks are walked. A busy loop beside twenty idle threads did
3 to 8 % less.
"""

import os
import threading
import time
from collections.abc import Container
from dataclasses import dataclass, field

import msgspec

from notifier.profiling.places import GAP, Place, Stack, places_of, stacks, waits

EVERY = 0.01
"""Seconds between two samples."""
MOST_STACKS = 10_000
"""Different ones that are kept; later ones are counted together."""
REST = (GAP,)


class Sampled(msgspec.Struct):
    """A thread. `samples`: (stack, microseconds of the clock, microseconds of the processor), in
    the order of time, equal ones that follow each other as one. `stack` counts in the profile's
    `stacks`."""

    name: str
    daemon: bool
    samples: list[tuple[int, int, int]]

    def micros(self, column: int) -> int:
        return sum(sample[column] for sample in self.samples)


class CpuProfile(msgspec.Struct, tag="cpu"):
    """`stacks`: each a list of indexes of `places`, the outermost first."""

    seconds: float
    count: int
    places: list[Place]
    stacks: list[list[int]]
    threads: list[Sampled]


class Clocks:
    """Processor time of threads, as Linux has it at hand without asking anybody.

    `None` elsewhere: then every sample counts whole that does not stand where threads wait. `None`
    for threads that the threading module did not start, too: of these, the samples that found them
    moved.
    """

    def __init__(self) -> None:
        self._files: dict[int, int] = {}

    def read(self, native: int | None) -> int | None:
        """Microseconds since the thread began."""
        if native is None:
            return None
        try:
            file = self._files.get(native)
            if file is None:
                path = f"/proc/self/task/{native}/schedstat"
                file = self._files[native] = os.open(path, os.O_RDONLY)
            return int(os.pread(file, 64, 0).split()[0]) // 1000
        except (OSError, ValueError, IndexError):  # it has ended, or this is no Linux
            return None

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)
        self._files.clear()


@dataclass
class _Seen:
    """Of a thread. `owed`: what it used since it was last seen at work: a thread that was caught
    while it waits has used the processor before, and will be caught there, too."""

    name: str
    daemon: bool
    native: int | None
    clock: int | None
    owed: int = 0
    samples: list[list[int]] = field(default_factory=list)

    def is_elsewhere(self, stack: int) -> bool:
        return not self.samples or self.samples[-1][0] != stack

    def add(self, stack: int, wall: int, cpu: int) -> None:
        if self.is_elsewhere(stack):
            self.samples.append([stack, wall, cpu])
        else:
            self.samples[-1][1] += wall
            self.samples[-1][2] += cpu


class Sampler:
    """`left_out`: idents of threads that are not looked at."""

    def __init__(self, left_out: Container[int]) -> None:
        self._left_out = left_out
        self._clocks = Clocks()
        self._stacks: dict[Stack | None, int] = {}
        self._seen: dict[int, _Seen] = {}
        self._over: list[_Seen] = []
        self._waiting: dict[int, bool] = {}

    def run(self, seconds: float) -> CpuProfile:
        count = 0
        began = last = due = time.perf_counter()
        try:
            self._sample(0)  # where the clocks stand at the beginning
            while last - began < seconds:
                due = max(due + EVERY, time.perf_counter())  # what was missed is not made up for
                time.sleep(max(due - time.perf_counter(), 0))
                now = time.perf_counter()
                self._sample(round((now - last) * 1_000_000))
                last, count = now, count + 1
        finally:
            self._clocks.close()
        return self._profile(last - began, count)

    def _sample(self, wall: int) -> None:
        for ident, stack in stacks(self._left_out).items():
            seen = self._seen.get(ident) or self._meet(ident)
            clock = self._clocks.read(seen.native)
            if clock is None and seen.clock is not None:  # another thread under the same ident
                seen = self._meet(ident)
                clock = self._clocks.read(seen.native)
            self._note(seen, stack, wall, clock)

    def _note(self, seen: _Seen, stack: Stack, wall: int, clock: int | None) -> None:
        index = self._index(stack)
        if clock is not None and seen.clock is not None:
            used = clock - seen.clock
        else:
            used = wall if seen.native is not None or seen.is_elsewhere(index) else 0
        seen.clock = clock
        if not wall:
            return
        if self._waiting[index]:
            seen.owed += used if clock is not None else 0
            seen.add(index, wall, 0)
        else:
            seen.add(index, wall, seen.owed + used)
            seen.owed = 0

    def _index(self, stack: Stack) -> int:
        found = self._stacks.get(stack)
        if found is None:
            kept = stack if len(self._stacks) < MOST_STACKS else None
            found = self._stacks.setdefault(kept, len(self._stacks))
            self._waiting.setdefault(found, kept is not None and waits(stack))
        return found

    def _meet(self, ident: int) -> _Seen:
        known = {one.ident: one for one in threading.enumerate()}
        thread = known.get(ident)
        if ident in self._seen:
            self._over.append(self._seen[ident])
        native = thread.native_id if thread else None
        seen = _Seen(
            thread.name if thread else f"thread {ident}",
            thread.daemon if thread else True,
            native,
            self._clocks.read(native),
        )
        self._seen[ident] = seen
        return seen

    def _profile(self, seconds: float, count: int) -> CpuProfile:
        places: dict[Place, int] = {}
        listed = [
            [
                places.setdefault(place, len(places))
                for place in (places_of(stack) if stack else REST)
            ]
            for stack in self._stacks
        ]
        threads = [
            Sampled(one.name, one.daemon, [(a, b, c) for a, b, c in one.samples])
            for one in (*self._over, *self._seen.values())
            if one.samples
        ]
        threads.sort(key=lambda one: one.micros(2), reverse=True)
        return CpuProfile(seconds, count, list(places), listed, threads)
