"""The sampler, threads and memory in this process: what is told of threads that are known."""

import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jsonschema
import msgspec
import pytest

from notifier.profiling import memory, sampling
from notifier.profiling.flame import hottest, rows, tree
from notifier.profiling.places import MOST_FRAMES, Place, file_of, places_of, stack_of
from notifier.profiling.sampling import CpuProfile, Sampled, Sampler
from notifier.profiling.speedscope import CPU, WALL, speedscope
from notifier.profiling.threads import stand
from tests.profiling.burning import SECRETS, burn, grow, hot_function

NOT_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the clocks are Linux's")


@contextmanager
def threads(**work: Callable[[], object]) -> Iterator[None]:
    started = [threading.Thread(target=one, name=name, daemon=True) for name, one in work.items()]
    for one in started:
        one.start()
    yield
    for one in started:
        one.join()


def profile(seconds: float, **work: Callable[[], object]) -> CpuProfile:
    with threads(**work):
        return Sampler({threading.get_ident()}).run(seconds)


def of(found: CpuProfile, name: str) -> Sampled:
    (one,) = [one for one in found.threads if one.name == name]
    return one


def waiting(seconds: float) -> Callable[[], object]:
    return lambda: threading.Event().wait(seconds)


def test_a_busy_thread_is_told_from_one_that_waits() -> None:
    found = profile(1, busy=lambda: burn(1.2), idle=waiting(1.2))
    busy, idle = of(found, "busy"), of(found, "idle")
    assert busy.micros(CPU) > 200_000
    assert idle.micros(CPU) < 20_000
    assert busy.micros(WALL) == pytest.approx(found.seconds * 1_000_000, rel=0.2)
    assert idle.micros(WALL) == busy.micros(WALL)
    assert found.threads[0] is busy


@NOT_LINUX
def test_threads_that_want_the_same_lock_share_one_processor() -> None:
    """By the clock each of the four is at work all the time; the processor's time is one's."""
    found = profile(1, **{f"busy-{one}": lambda: burn(1.2) for one in range(4)})
    used = sum(of(found, f"busy-{one}").micros(CPU) for one in range(4))
    assert used < 1.5 * found.seconds * 1_000_000


@NOT_LINUX
def test_a_library_that_waits_in_c_takes_no_time() -> None:
    found = profile(0.5, asleep=lambda: time.sleep(0.7))
    asleep = of(found, "asleep")
    assert asleep.micros(CPU) < 20_000
    assert len(asleep.samples) == 1  # one stack all the time is one sample


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


def test_deep_recursion_is_bounded_at_both_ends() -> None:
    def deep(more: int) -> tuple[Place, ...]:
        return deep(more - 1) if more else places_of(stack_of(sys._getframe()))

    found = deep(400)
    assert len(found) == MOST_FRAMES + 1
    assert found[-1].function.endswith("deep")
    assert Place("…", "", 0) in found


def test_more_stacks_than_are_kept_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_STACKS", 2)
    found = profile(0.5, busy=lambda: burn(0.6), idle=waiting(0.6))
    assert len(found.stacks) <= 3
    assert any(found.places[stack[0]].function == "…" for stack in found.stacks)


def test_threads_that_come_and_go_do_no_harm() -> None:
    def many() -> None:
        ends = time.monotonic() + 0.8
        while time.monotonic() < ends:
            short = threading.Thread(target=hot_function, args=("a",), kwargs=given, name="short")
            short.start()
            short.join()

    given = {"secret": "b", "values": {}}
    found = profile(0.6, many=many)
    assert of(found, "many").micros(WALL) > 0
    used = sum(one.micros(CPU) for one in found.threads)
    assert used < 3 * found.seconds * 1_000_000


def test_the_stacks_of_threads_and_who_is_at_work() -> None:
    with threads(busy=lambda: burn(0.5), idle=waiting(0.5)):
        found = {one.name: one for one in stand({threading.get_ident()}).threads}
    assert found["idle"].waits
    assert not found["busy"].waits
    assert found["busy"].daemon
    assert "burn" in [place.function for place in found["busy"].stack]
    assert found["idle"].stack[-1].function == "Condition.wait"


def test_memory_that_grows_is_told_line_by_line_and_tracing_ends() -> None:
    with threads(grows=lambda: grow(0.8)):
        found = memory.watch(0.6)
    assert not tracemalloc.is_tracing()
    assert found.lines[0].place.file == "tests/profiling/burning.py"
    assert found.lines[0].grown > 200_000
    assert 0 < found.held <= found.peak
    assert found.rss_after > 10_000_000
    assert len(found.lines) <= memory.TOP


def test_tracing_ends_after_an_exception_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise MemoryError

    monkeypatch.setattr(tracemalloc, "get_tracemalloc_memory", fail)
    with pytest.raises(MemoryError):
        memory.watch(1)
    assert not tracemalloc.is_tracing()


def test_memory_ends_early_when_watching_takes_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_BYTES", 1)
    found = memory.watch(30)
    assert found.ended_early
    assert found.seconds < 5
    assert not tracemalloc.is_tracing()


def test_who_had_tracing_on_keeps_it() -> None:
    tracemalloc.start()
    try:
        memory.watch(0.1)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_nothing_but_places_is_told() -> None:
    with threads(busy=lambda: burn(1.5), grows=lambda: grow(1.5)):
        told = [
            msgspec.json.encode(one)
            for one in (
                Sampler(set()).run(0.5),
                stand(set()),
                memory.watch(0.3),
            )
        ]
    for secret in SECRETS:
        assert not any(secret.encode() in one for one in told), secret


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (hot_function.__code__.co_filename, "tests/profiling/burning.py"),
        (threading.__file__, "threading.py"),
        (msgspec.__file__, "msgspec/__init__.py"),
        ("<string>", "<string>"),
        ("/home/somebody/secret-project/x.py", "x.py"),
    ],
)
def test_a_file_is_told_by_its_library_and_never_from_the_root(path: str, told: str) -> None:
    assert file_of(path) == told
