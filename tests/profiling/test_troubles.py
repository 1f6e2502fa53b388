"""Profiles of real processes that are killed, stopped, forked, and that lose Redis."""

import ast
import os
import signal
import threading
import time
import tracemalloc
from pathlib import Path

import psutil
import pytest
from redis import Redis

from notifier.profiling import asking, channel
from notifier.profiling.asking import NoAnswer, State
from notifier.profiling.channel import Process
from notifier.profiling.listener import LISTENING, listen
from tests.chaos.processes import running, until
from tests.chaos.servers import RedisServer
from tests.profiling.conftest import (
    answering,
    boxes,
    burning_page,
    found,
    gunicorn,
    over,
    profiled,
    webs,
)

pytestmark = pytest.mark.chaos


def test_a_process_that_is_killed_does_not_answer_and_its_profile_does_not_come(
    transactional_db: None, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running("worker", log=log) as (process,):
        worker = answering(process.pid)
        run = asking.start(worker, "cpu", 2, "anna")
        process.kill()
        process.wait()
        (seen,) = [one for one in asking.processes() if one.id == worker.id]
        assert not seen.answers
        with pytest.raises(NoAnswer):
            asking.start(worker, "cpu", 1, "anna")
        assert asking.result(run) == (State.RUNNING, None)
        monkeypatch.setattr(asking, "GRACE_SECONDS", 0)
        until(lambda: asking.result(run)[0] is State.LOST)
        monkeypatch.setattr(asking, "FORGET_SECONDS", 0)
        assert worker.id not in {one.id for one in asking.processes()}


def test_one_that_is_stopped_does_not_answer_until_it_goes_on(worker: Process) -> None:
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED)
        time.sleep(0.1)  # so do its other threads
        began = time.monotonic()
        (seen,) = [one for one in asking.processes() if one.id == worker.id]
        assert not seen.answers
        assert time.monotonic() - began < 3
        with pytest.raises(NoAnswer):
            asking.start(worker, "threads", 0, "anna")
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    assert answering(worker.pid).id == worker.id


def test_one_that_ends_as_asked_is_not_missed(transactional_db: None, log: Path) -> None:
    with running("worker", "clock", log=log) as processes:
        ids = {answering(one.pid).id for one in processes}
    assert not ids & {one.id for one in asking.processes()}


def test_a_web_process_that_was_forked_with_the_platform_loaded_answers(
    transactional_db: None, log: Path
) -> None:
    with gunicorn(log, "--preload") as (address, process):
        until(lambda: len(webs()) == 2)
        child = next(one for one in webs() if one.pid != process.pid)
        with burning_page(address, 2):
            time.sleep(0.5)
            _, state, result = profiled(child, "cpu", 1)
    assert state is State.DONE
    assert boxes(result)["hot_function"] > 80
    assert not webs()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_a_child_that_is_forked_meanwhile_is_not_traced_and_listens_itself(db: None) -> None:
    here = listen("web")
    until(lambda: bool(found(os.getpid())))
    run = asking.start(found(os.getpid())[0], "memory", 2, "anna")
    until(tracemalloc.is_tracing)
    reading, writing = os.pipe()
    if not (child := os.fork()):
        names = [one.name for one in threading.enumerate()]
        os.write(
            writing, repr((tracemalloc.is_tracing(), names.count(LISTENING), here.id)).encode()
        )
        os._exit(0)
    os.waitpid(child, 0)
    is_tracing, listening, its_id = ast.literal_eval(os.read(reading, 1000).decode())
    assert (is_tracing, listening) == (False, 1)
    assert its_id != here.id
    assert over(run)[0] is State.DONE


def test_it_comes_back_after_redis_was_away(
    transactional_db: None, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RedisServer(tmp_path)
    server.start()
    client = Redis.from_url(server.url)
    for module in (asking, channel):
        monkeypatch.setattr(module, "redis", lambda: client)
    monkeypatch.setenv("REDIS_URL", server.url)
    try:
        with running("clock", log=log) as (process,):
            clock = answering(process.pid)
            run = asking.start(clock, "cpu", 2, "anna")
            server.kill()
            time.sleep(3)  # the profile is over meanwhile, and waits with its result
            server.start()
            until(lambda: bool(client.exists(channel.result_key(run.id))))
            assert answering(process.pid).id == clock.id
            assert profiled(clock, "cpu", 0.2)[1] is State.DONE
    finally:
        client.close()
        server.kill()
