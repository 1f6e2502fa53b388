"""What is drawn of samples, and the file for speedscope."""

import jsonschema
import msgspec
import pytest

from notifier.profiling.flame import hottest, rows, tree
from notifier.profiling.places import Place
from notifier.profiling.sampling import CpuProfile, Sampled
from notifier.profiling.speedscope import CPU, WALL, speedscope
from tests.profiling.burning import burn
from tests.profiling.threads import of, profile, waiting


def test_the_hot_function_is_the_widest_box() -> None:
    found = profile(1, busy=lambda: burn(1.2))
    busy = of(found, "busy")
    drawn = rows(tree(found, busy, CPU))
    (top,) = drawn[0]
    assert (top.name, top.width, round(top.total)) == ("busy", 100, 100)
    (box,) = [box for row in drawn for box in row if box.name == "hot_function"]
    assert box.own > 80
    assert box.where.startswith("tests/profiling/burning.py:")
    lines = hottest(found, [busy], CPU)
    assert lines[0].place.function == "hot_function"
    assert sum(one.own for one in lines) <= 100.1


def test_a_box_can_be_seen_over_the_whole_width() -> None:
    found = of_stacks({("a", "b", "c"): 60, ("a", "b", "d"): 20, ("a", "e"): 20})
    drawn = rows(tree(found, found.threads[0], CPU), "0.0")
    assert [[(box.name, box.width) for box in row] for row in drawn] == [
        [("main", 100)],
        [("a", 100)],
        [("b", 100)],
        [("c", 75), ("d", 25)],
    ]
    d = drawn[3][1]
    assert (d.left, d.total, d.own, d.path) == (75, 20, 20, "0.0.1")


@pytest.mark.parametrize("path", ["9", "0.7.1", "x", "-1", "0." * 500, "²"])
def test_a_path_that_leads_nowhere_shows_what_there_is(path: str) -> None:
    found = of_stacks({("a", "b"): 1})
    assert rows(tree(found, found.threads[0], CPU), path)[0][0].name == "main"


def of_stacks(stacks: dict[tuple[str, ...], int]) -> CpuProfile:
    names = sorted({name for stack in stacks for name in stack})
    return CpuProfile(
        1,
        len(stacks),
        [Place(name, "f.py", 1) for name in names],
        [[names.index(name) for name in stack] for stack in stacks],
        [Sampled("main", False, [(n, w, w) for n, w in enumerate(stacks.values())])],
    )


SAMPLED = {
    "type": "object",
    "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "sampled"},
        "name": {"type": "string"},
        "unit": {
            "enum": ["none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"]
        },
        "startValue": {"type": "number"},
        "endValue": {"type": "number"},
        "samples": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        "weights": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}},
    },
}
FILE = {
    "type": "object",
    "required": ["$schema", "shared", "profiles"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "name": {"type": "string"},
        "exporter": {"type": "string"},
        "activeProfileIndex": {"type": "integer"},
        "shared": {
            "type": "object",
            "required": ["frames"],
            "properties": {
                "frames": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "file": {"type": "string"},
                            "line": {"type": "integer"},
                        },
                    },
                }
            },
        },
        "profiles": {"type": "array", "minItems": 1, "items": SAMPLED},
    },
}
"""The essentials of what speedscope publishes."""


@pytest.mark.parametrize("column", [CPU, WALL])
def test_the_file_is_as_speedscope_wants_it(column: int) -> None:
    found = profile(0.5, busy=lambda: burn(0.6), idle=waiting(0.6))
    file = msgspec.json.decode(msgspec.json.encode(speedscope(found, "worker", column)))
    jsonschema.validate(file, FILE)
    frames = file["shared"]["frames"]
    for one in file["profiles"]:
        assert len(one["samples"]) == len(one["weights"])
        assert one["endValue"] == sum(one["weights"])
        assert all(0 <= index < len(frames) for stack in one["samples"] for index in stack)
    (busy,) = [one for one in file["profiles"] if one["name"] == "busy"]
    leaves = {frames[stack[-1]]["name"] for stack in busy["samples"]}
    assert "hot_function" in leaves
    assert ("idle" in {one["name"] for one in file["profiles"]}) == (column == WALL)


def test_a_profile_of_nobody_at_work_is_a_file_too() -> None:
    found = profile(0.2, idle=waiting(0.3))
    for thread in found.threads:
        thread.samples = [(stack, wall, 0) for stack, wall, _ in thread.samples]
    jsonschema.validate(speedscope(found, "worker"), FILE)
