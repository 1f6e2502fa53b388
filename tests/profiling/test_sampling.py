"""The sampler, threads and memory in this process: what is told of threads that are known."""

import _thread
import queue
import selectors
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec
import pytest

from notifier.dispatch.lanes import redis
from notifier.profiling import memory, sampling
from notifier.profiling.places import MOST_FRAMES, Place, file_of, places_of, stack_of, waits
from notifier.profiling.sampling import Sampler
from notifier.profiling.speedscope import CPU, WALL
from notifier.profiling.threads import Standing, stand
from tests.profiling.burning import SECRETS, burn, grow, hot_function
from tests.profiling.threads import of, profile, threads, waiting

NOT_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the clocks are Linux's")


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


def test_a_thread_that_nobody_knows_counts_only_while_it_moves() -> None:
    """Started by a library, past the threading module."""
    lock = _thread.allocate_lock()
    lock.acquire()
    ident = _thread.start_new_thread(lock.acquire, ())
    found = profile(0.3, busy=lambda: burn(0.4))
    lock.release()
    assert all(one.micros(CPU) < 20_000 for one in found.threads if one.name == f"thread {ident}")


@NOT_LINUX
def test_a_library_that_waits_in_c_takes_no_time() -> None:
    found = profile(0.5, asleep=lambda: time.sleep(0.7))
    asleep = of(found, "asleep")
    assert asleep.micros(CPU) < 20_000
    assert len(asleep.samples) == 1  # one stack all the time is one sample


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
    def seen() -> dict[str, Standing]:
        return {one.name: one for one in stand({threading.get_ident()}).threads}

    with threads(busy=lambda: burn(1.5), idle=waiting(1.5)):
        found = seen()
        for _ in range(5):  # other processes may leave it nothing for a moment
            found = found if not found["busy"].waits else seen()
    assert found["idle"].waits
    assert not found["busy"].waits
    assert found["busy"].daemon
    assert "burn" in [place.function for place in found["busy"].stack]
    assert found["idle"].stack[-1].function == "Condition.wait"


def accepting() -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        with suppress(TimeoutError):
            server.accept()


def selecting() -> object:
    with selectors.DefaultSelector() as selector:
        return selector.select(0.5)


def taking() -> object:
    with suppress(queue.Empty):
        queue.Queue().get(timeout=0.5)


WAYS: dict[str, Callable[[], object]] = {
    "an event": waiting(0.5),
    "a queue": taking,
    "a socket": accepting,
    "a selector": selecting,
    "Redis": lambda: redis().blpop(["nothing"], timeout=0.5),
    "a child": lambda: subprocess.run(["sleep", "0.5"], check=True, timeout=5),
    "a pool": lambda: ThreadPoolExecutor(1).submit(time.sleep, 0.5).result(),
}


@pytest.mark.parametrize("way", WAYS)
def test_waiting_is_known_by_its_place_too(way: str) -> None:
    """Where the system tells no clock of a thread."""
    with threads(waiter=WAYS[way]):
        time.sleep(0.2)
        (waiter,) = [one for one in threading.enumerate() if one.name == "waiter"]
        frame = sys._current_frames()[waiter.ident or 0]
        stack = stack_of(frame)
        del frame
    assert waits(stack), places_of(stack)


def test_memory_that_grows_is_told_line_by_line_and_tracing_ends() -> None:
    with threads(grows=lambda: grow(0.8)):
        found = memory.watch(0.6)
    assert not tracemalloc.is_tracing()
    assert found.lines[0].place.file == "tests/profiling/burning.py"
    assert found.lines[0].grown > 200_000
    assert 0 < found.held <= found.peak
    assert found.rss_after > 10_000_000
    assert len(found.lines) <= memory.TOP
    assert found.holding == []  # nobody knows what was held before


def test_what_a_process_holds_is_told_where_tracing_began_with_it() -> None:
    tracemalloc.start(1)
    try:
        kept = [bytes(1000) for _ in range(1000)]
        found = memory.watch(0.1)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    held = {one.place.file: one.held for one in found.holding}
    assert held["tests/profiling/test_sampling.py"] > 1000 * len(kept)
    assert [one.held for one in found.holding] == sorted(
        (one.held for one in found.holding), reverse=True
    )


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
