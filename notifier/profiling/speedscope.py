"""A CPU profile as a file for https://www.speedscope.app, which works offline, too.

The format: https://www.speedscope.app/file-format-schema.json (FileFormat.File, SampledProfile).
"""

from collections.abc import Iterable
from typing import Any

from notifier.profiling.sampling import CpuProfile, Sampled

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
WALL, CPU = 1, 2
"""The column of a sample that is its weight: the clock's time, or the processor's."""


def speedscope(profile: CpuProfile, name: str, column: int = CPU) -> dict[str, Any]:
    """A profile for each thread that has some of that time, the samples in their order."""
    shown = [one for one in profile.threads if one.micros(column)] or profile.threads
    return {
        "$schema": SCHEMA,
        "exporter": "hongyan",
        "name": name,
        "activeProfileIndex": 0,
        "shared": {
            "frames": [
                {"name": one.function, "file": one.file, "line": one.line} for one in profile.places
            ]
        },
        "profiles": [_thread(one, profile.stacks, column) for one in shown],
    }


def _thread(thread: Sampled, stacks: list[list[int]], column: int) -> dict[str, Any]:
    used: Iterable[tuple[int, int, int]] = [one for one in thread.samples if one[column]]
    return {
        "type": "sampled",
        "name": thread.name,
        "unit": "microseconds",
        "startValue": 0,
        "endValue": thread.micros(column),
        "samples": [stacks[one[0]] for one in used],
        "weights": [one[column] for one in used],
    }
