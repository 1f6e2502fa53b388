"""What a profile shows: the flames, the hottest lines, threads, and what grew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from notifier.profiling.flame import Box, hottest, rows, tree
from notifier.profiling.memory import MemoryProfile
from notifier.profiling.places import Place
from notifier.profiling.sampling import CpuProfile, Sampled
from notifier.profiling.speedscope import CPU, WALL
from notifier.profiling.threads import ThreadDump

MOST_FLAMES = 6
"""On one page; of the other threads each has a page of its own."""
COLUMNS = {"cpu": CPU, "wall": WALL}
WORTH_A_FLAME = 0.001
"""Of the time that was looked at."""


@dataclass(frozen=True, slots=True)
class Flame:
    """A thread. `number`: its place in the profile; `busy`: its share of one processor, in per
    cent; `path`: what of it is shown."""

    number: int
    name: str
    busy: float
    rows: list[list[Box]]
    path: str
    query: str


@dataclass(frozen=True, slots=True)
class Idle:
    """A thread that did next to nothing, and where it was most of the time."""

    number: int
    name: str
    busy: float
    place: Place | None
    query: str


def cpu_words(profile: CpuProfile, asked: Mapping[str, str]) -> dict[str, Any]:
    """`asked`: time (cpu or wall), thread (its number), at (a path into its flame)."""
    time = asked.get("time", "")
    time = time if time in COLUMNS else "cpu"
    column = COLUMNS[time]
    number = asked.get("thread", "")
    chosen = int(number) if number.isdecimal() and int(number) < len(profile.threads) else None
    worth = [
        one
        for one, thread in enumerate(profile.threads)
        if thread.micros(CPU) >= profile.seconds * 1_000_000 * WORTH_A_FLAME
    ]
    shown = worth[:MOST_FLAMES] if chosen is None else [chosen]
    path = asked.get("at", "") if chosen is not None else ""
    threads = [profile.threads[one] for one in shown]
    return {
        "profile": profile,
        "rate": profile.count / profile.seconds if profile.seconds else 0,
        "time": time,
        "column": column,
        "chosen": chosen,
        "flames": [_flame(profile, one, column, path, time) for one in shown],
        "hot": hottest(profile, threads, column),
        "idle": [] if chosen is not None else _idle(profile, shown, time),
    }


def _flame(profile: CpuProfile, number: int, column: int, path: str, time: str) -> Flame:
    thread = profile.threads[number]
    found = rows(tree(profile, thread, column), path)
    query = urlencode({"time": time, "thread": number})
    return Flame(number, thread.name, _busy(profile, thread), found, path, query)


def _idle(profile: CpuProfile, shown: list[int], time: str) -> list[Idle]:
    return [
        Idle(
            number,
            thread.name,
            _busy(profile, thread),
            _mostly(profile, thread),
            urlencode({"time": "wall", "thread": number}),
        )
        for number, thread in enumerate(profile.threads)
        if number not in shown
    ]


def _busy(profile: CpuProfile, thread: Sampled) -> float:
    whole = profile.seconds * 1_000_000
    return 100 * thread.micros(CPU) / whole if whole else 0


def _mostly(profile: CpuProfile, thread: Sampled) -> Place | None:
    """Where it was for the longest time."""
    micros: dict[int, int] = {}
    for stack, wall, _cpu in thread.samples:
        micros[stack] = micros.get(stack, 0) + wall
    if not micros:
        return None
    longest = max(micros, key=lambda one: micros[one])
    return _nearest([profile.places[one] for one in profile.stacks[longest]])


def _nearest(places: list[Place]) -> Place:
    """To the end of the stack, and ours if there is one."""
    return next((one for one in reversed(places) if one.is_ours), places[-1])


def memory_words(profile: MemoryProfile) -> dict[str, Any]:
    return {"memory": profile, "grown": profile.rss_after - profile.rss_before}


def thread_words(dump: ThreadDump) -> dict[str, Any]:
    return {
        "threads": [
            (
                one,
                100 * one.busy if one.busy is not None else None,
                _nearest(one.stack),
                [*reversed(one.stack)],
            )
            for one in dump.threads
        ]
    }
