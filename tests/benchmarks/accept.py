"""Accepting a message against a bare view that does one INSERT: one gunicorn process each."""

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
from tests.benchmarks.environment import Row, measured, median

THREADS = CONNECTIONS = "8"


def compare(count: int, rounds: int) -> list[Row]:
    key = _prepare()
    bare, ours, stock, alone = [], [], [], []
    with (
        gunicorn("tests.benchmarks.bare_view") as bare_port,
        gunicorn("tests.benchmarks.stock_view") as stock_port,
        gunicorn("config.wsgi") as our_port,
    ):
        for _ in range(rounds):
            bare.append(_load(bare_port, "/bare", count, "none"))
            ours.append(_load(our_port, "/api/v1/messages", count, key))
            stock.append(_load(stock_port, "/stock", count // 4, key))
            alone.append(_load(our_port, "/api/v1/messages", count // 4, key, "1"))
    return [
        {
            "what": "stock: DRF nested serializer, then a job",
            "rate": median(stock),
            "ratio": median([mine / theirs for mine, theirs in zip(stock, bare, strict=True)]),
        },
        {"what": "bare view, one INSERT, no middleware", "rate": median(bare), "ratio": 1.0},
        {
            "what": "POST /api/v1/messages with key and Idempotency-Key",
            "rate": median(ours),
            "ratio": median([mine / theirs for mine, theirs in zip(ours, bare, strict=True)]),
        },
        {
            # A view that sends within the request, to a WeChat that answers in 100 ms: 10.
            "what": "the same by one caller, a request after the other",
            "rate": median(alone),
            "ratio": median([mine / theirs for mine, theirs in zip(alone, bare, strict=True)]),
        },
    ]


def _load(port: int, path: str, count: int, key: str, connections: str = CONNECTIONS) -> float:
    return measured("tests.benchmarks.load", str(port), path, str(count), connections, key)


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--workers", "1", "--threads", THREADS, "--no-control-socket"]
    options += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", f"{application}:application", *options],
        env=os.environ,
    )
    try:
        _until_up(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _until_up(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("gunicorn did not start")
