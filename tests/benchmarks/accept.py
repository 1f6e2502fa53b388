"""Accepting a message against a bare view that does one INSERT: one gunicorn process each."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from notifier.models import Recipient
from tests import builders
from tests.benchmarks.bodies import CONTENT, PATTERNS, openid
from tests.benchmarks.dispatch import SLOW_MS, prepare
from tests.benchmarks.environment import Row, with_ratios
from tests.benchmarks.load import drive
from tests.simulator.process import SimulatorProcess

THREADS = CALLERS = 8
PATH = "/api/v1/messages"
BURST = 200
"""Requests. Of two loads a moment apart one may be slower by a half, whatever they ask: many short
ones by turns, in changing order, tell more than a few long ones."""
WARM_UP = 4
"""Bursts: each thread's connection to the database prepares its statement."""


def compare(count: int, rounds: int) -> list[Row]:
    key, bursts = _prepare(), max(rounds * count // BURST, 1)
    simulator = SimulatorProcess([])
    simulator.control("POST", "/latency", {"median_ms": SLOW_MS, "sigma": 0})
    os.environ["SYNC_VIEW_SEND"] = prepare(simulator)
    found: dict[str, list[float]] = {}
    try:
        with (
            gunicorn("tests.benchmarks.bare_view") as bare,
            gunicorn("tests.benchmarks.stock_view") as stock,
            gunicorn("tests.benchmarks.sync_view") as sync,
            gunicorn("config.wsgi") as ours,
        ):
            loads = (
                ("bare view, one INSERT, no middleware", bare, "/bare", BURST, CALLERS),
                ("POST /api/v1/messages with key and Idempotency-Key", ours, PATH, BURST, CALLERS),
                ("the same by one caller, a request after the other", ours, PATH, BURST // 4, 1),
                ("stock: DRF nested serializer, then a job", stock, "/stock", BURST // 4, CALLERS),
                (f"one caller of a view that sends; WeChat: {SLOW_MS} ms", sync, "/sync", 10, 1),
            )
            for burst in range(-WARM_UP, bursts):
                for what, *asked in loads[:: -1 if burst % 2 else 1]:
                    rate = load(*asked, key)
                    if burst >= 0:
                        found.setdefault(what, []).append(rate)
    finally:
        simulator.stop()
    return with_ratios({what: found[what] for what, *_ in loads})


def load(port: int, path: str, count: int, callers: int, key: str) -> float:
    """Answers a second."""
    return asyncio.run(drive(port, path, count, callers, key))


def _prepare() -> str:
    account = builders.make_account()
    builders.make_template(account, code="bench", patterns=PATTERNS, content=CONTENT)
    Recipient.objects.bulk_create(
        Recipient(account=account, openid=openid(number)) for number in range(1000)
    )
    return builders.make_client().make_key()


@contextmanager
def gunicorn(application: str) -> Iterator[int]:
    """One process with threads, on a free port; ended by its pid."""
    with gunicorn_process(application) as (port, _):
        yield port


@contextmanager
def gunicorn_process(application: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    port = free_port()
    options = ["--workers", "1", "--threads", str(THREADS), "--no-control-socket"]
    options += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", f"{application}:application", *options],
        env=os.environ,
    )
    try:
        until_up(port)
        yield port, process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_up(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("gunicorn did not start")
