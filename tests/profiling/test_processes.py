"""Profiles of real processes while they work: what is found, bounded, written down."""

import ast
import os
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from notifier.dispatch.lanes import queue, redis
from notifier.models import AuditEntry
from notifier.profiling import asking, channel
from notifier.profiling.asking import Busy, State
from notifier.profiling.channel import Process
from notifier.profiling.listener import LISTENING, WORKING, listen
from notifier.profiling.memory import MemoryProfile
from notifier.profiling.sampling import CpuProfile
from notifier.profiling.threads import ThreadDump
from tests.chaos.processes import everything_in_redis, until
from tests.profiling.burning import SECRETS
from tests.profiling.conftest import (
    answering,
    boxes,
    burn_in_worker,
    burning_page,
    found,
    over,
    profiled,
    webs,
)

pytestmark = pytest.mark.chaos


def told(process: Process) -> tuple[bool, list[str]]:
    """(tracemalloc is on, the names of the threads) in the worker."""
    key = "told"
    redis().delete(key)
    queue("normal").enqueue_call("tests.profiling.burning.tell", args=(key,))
    until(lambda: bool(redis().llen(key)))
    is_tracing, names = ast.literal_eval(redis().lpop(key).decode())  # type: ignore[union-attr]
    return is_tracing, names


def test_a_worker_is_profiled_while_it_works(worker: Process) -> None:
    assert (worker.name, worker.kind) == ("worker", "worker")
    assert worker.detail == "urgent, receipts, normal, bulk"
    assert worker.rss > 20_000_000
    burn_in_worker(4)
    time.sleep(0.5)
    run, state, result = profiled(worker, "cpu", 2)
    assert state is State.DONE
    assert isinstance(result, CpuProfile)
    assert 2 <= result.seconds < 4
    seen = boxes(result, "MainThread")
    assert seen["hot_function"] > 80
    assert seen["burn"] >= seen["hot_function"]
    assert LISTENING not in {one.name for one in result.threads}
    assert run in [one for one, _ in asking.latest()]


def test_a_web_process_is_profiled_while_it_answers(web: str) -> None:
    (process,) = webs()
    with burning_page(web, 3):
        time.sleep(0.5)
        _, state, result = profiled(process, "cpu", 1)
        _, _, standing = profiled(process, "threads", 0)
    assert state is State.DONE
    assert boxes(result)["hot_function"] > 80
    assert isinstance(standing, ThreadDump)
    (at_work,) = [one for one in standing.threads if not one.waits]
    # Its innermost function is hot_function but for the moment between two calls of it.
    assert "burn" in [place.function for place in at_work.stack[-2:]]


def test_memory_that_a_worker_takes_is_told_by_its_line(worker: Process) -> None:
    burn_in_worker(3, "grow")
    time.sleep(0.3)
    _, state, result = profiled(worker, "memory", 1)
    assert state is State.DONE
    assert isinstance(result, MemoryProfile)
    assert result.lines[0].place.file == "tests/profiling/burning.py"
    assert result.lines[0].grown > 300_000
    until(lambda: not queue("normal").count)
    assert told(worker)[0] is False


def test_nothing_runs_while_nobody_asks(worker: Process) -> None:
    before = told(worker)
    profiled(worker, "memory", 0.3)
    profiled(worker, "cpu", 0.3)
    for is_tracing, names in (before, told(worker)):
        assert not is_tracing
        assert names.count(LISTENING) == 1
        assert WORKING not in names


@pytest.mark.skipif(sys.platform != "linux", reason="reads a thread's time from Linux")
def test_the_thread_that_listens_takes_no_time() -> None:
    """That of this process, whose clock is at hand."""
    listen("web")
    until(lambda: bool(found(os.getpid())))
    (thread,) = [one for one in threading.enumerate() if one.name == LISTENING]
    clock = Path(f"/proc/self/task/{thread.native_id}/schedstat")
    before = int(clock.read_text().split()[0])
    time.sleep(5)
    assert int(clock.read_text().split()[0]) - before < 2_000_000  # ns


def test_a_second_one_at_once_is_refused(worker: Process) -> None:
    first = asking.start(worker, "cpu", 2, "anna")
    (seen,) = found(worker.pid)
    assert seen.busy_until > time.time()
    for what in ("cpu", "memory"):
        with pytest.raises(Busy):
            asking.start(worker, what, 1, "li")  # type: ignore[arg-type]
    _, state, _ = profiled(worker, "threads", 0)  # at any time
    assert state is State.DONE
    assert over(first)[0] is State.DONE
    until(lambda: not found(worker.pid)[0].busy_until)
    assert profiled(worker, "cpu", 0.2)[1] is State.DONE


def test_it_ends_by_itself_however_long_was_asked_for(
    worker: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is the process's own: who asks may be anybody who reaches Redis."""
    asking.start(worker, "memory", 1e9, "anna")
    (seen,) = found(worker.pid)
    assert seen.busy_until <= time.time() + channel.MOST_SECONDS


def test_nothing_but_places_is_written_anywhere(worker: Process, log: Path) -> None:
    burn_in_worker(6)
    time.sleep(0.3)
    for what, seconds in (("cpu", 1), ("memory", 1), ("threads", 0)):
        assert profiled(worker, what, seconds)[1] is State.DONE  # type: ignore[arg-type]
    stored = [everything_in_redis(), log.read_bytes()]
    stored += [msgspec.json.encode(asking.result(run)[1]) for run, _ in asking.latest()]
    stored += [str(list(AuditEntry.objects.values())).encode()]
    assert len(stored) == 6
    assert any(b"hot_function" in one for one in stored)
    for secret in SECRETS:
        assert not any(secret.encode() in one for one in stored), secret


def test_it_is_written_down_before_it_begins(worker: Process) -> None:
    asking.start(worker, "cpu", 0.1, "anna")
    entry = AuditEntry.objects.get(action="profile")
    assert (entry.object_id, entry.object_name) == (worker.id, str(worker))
    assert entry.after == '{"profile":"cpu","seconds":0.1}'


def test_another_database_of_the_same_redis_hears_nothing(worker: Process) -> None:
    """Redis's channels know no databases."""
    assert redis().pubsub_numsub(channel.channel())[0][1] >= 1
    channel._database.cache_clear()
    other = redis().connection_pool.connection_kwargs
    was = other.get("db", 0)
    try:
        other["db"] = 7
        assert redis().pubsub_numsub(channel.channel())[0][1] == 0
    finally:
        other["db"] = was
        channel._database.cache_clear()


def test_what_nobody_understands_does_no_harm(worker: Process) -> None:
    for text in (b"", b"{}", b'{"ask": "rm -rf"}', b"\xff"):
        redis().publish(channel.channel(worker.id), text)
    assert answering(worker.pid).id == worker.id
    redis().hset(channel.KNOWN, "old", b'{"id": "of another version"}')
    assert "old" not in {one.id for one in asking.processes()}


def test_results_are_kept_for_an_hour(worker: Process) -> None:
    run, *_ = profiled(worker, "cpu", 0.2)
    for key in (channel.run_key(run.id), channel.result_key(run.id), channel.LATEST):
        assert 0 < redis().ttl(key) <= channel.KEPT_SECONDS
    redis().delete(channel.run_key(run.id))
    assert asking.find(run.id) is None
    assert asking.latest() == []


@pytest.mark.parametrize("run", ["", "x", "0" * 16, "*", "hongyan"])
def test_a_run_that_there_is_not(run: str) -> None:
    assert asking.find(run) is None
