"""Real processes that are profiled: a worker, a web process, a clock."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from django.conf import settings

from notifier.dispatch.lanes import queue
from notifier.profiling import asking
from notifier.profiling.asking import Run, State
from notifier.profiling.channel import Process, Result, What
from notifier.profiling.flame import rows, tree
from notifier.profiling.sampling import CpuProfile
from notifier.profiling.speedscope import CPU
from tests.chaos.processes import database_url, running, until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "processes.log"


@pytest.fixture
def worker(transactional_db: None, log: Path) -> Iterator[Process]:
    with running("worker", log=log) as (process,):
        yield answering(process.pid)


def answering(pid: int, seconds: float = 60) -> Process:
    """The process, once it answers."""
    until(lambda: bool(found(pid)), seconds)
    return found(pid)[0]


def found(pid: int) -> list[Process]:
    return [one for one in asking.processes() if one.pid == pid and one.answers]


@contextmanager
def gunicorn(log: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The platform and a page that burns; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "gunicorn", "tests.profiling.burning_web:application"]
    command += ["--bind", address, "--workers", "1", "--threads", "4", "--no-control-socket"]
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "HONGYAN_PROCESS": "web",
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, *options],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://{address}", process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            for one in psutil.Process(process.pid).children():
                one.kill()
            process.kill()
            process.wait()
            raise


@pytest.fixture
def web(transactional_db: None, log: Path) -> Iterator[str]:
    with gunicorn(log) as (address, _process):
        until(lambda: bool(webs()))
        yield address


def webs() -> list[Process]:
    """Not this process, which has loaded the platform, too."""
    return [one for one in asking.processes() if one.kind == "web" and one.pid != os.getpid()]


def burn_in_worker(seconds: float, what: str = "burn") -> None:
    queue("normal").enqueue_call(f"tests.profiling.burning.{what}", args=(seconds,))


@contextmanager
def burning_page(address: str, seconds: float) -> Iterator[None]:
    def ask() -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.get(f"{address}/burn?{seconds}", timeout=60)

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    thread.join()


def profiled(process: Process, what: What, seconds: float) -> tuple[Run, State, Result | None]:
    run = asking.start(process, what, seconds, "anna")
    return (run, *over(run))


def over(run: Run, patience: float = 30) -> tuple[State, Result | None]:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        state, result = asking.result(run)
        if state is not State.RUNNING:
            return state, result
        time.sleep(0.05)
    raise AssertionError("the profile did not end")


def boxes(result: Any, thread: str = "") -> dict[str, float]:
    """What the flames show: function -> its widest share of a thread, in per cent."""
    assert isinstance(result, CpuProfile)
    widest: dict[str, float] = {}
    for one in result.threads:
        if one.name.startswith(thread):
            for row in rows(tree(result, one, CPU)):
                for box in row:
                    widest[box.name] = max(box.total, widest.get(box.name, 0))
    return widest
