"""What it costs to see: accepting and dispatching without counters, timing, phases and logs; with
them, as it is out of the box; with traces as well, of which each is kept by its service; and with
each of these exported, beyond the allowance.

python -m tests.benchmarks.observed [rounds]. One process of each, whose observing is switched on
and off between short blocks (`switched.py`, `switched_loop.py`); the ratios are of one process.
"""

import asyncio
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean, stdev

from tests.benchmarks import environment  # isort: skip - starts the services first
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.accept import CALLERS, PATH, gunicorn
from tests.benchmarks.dispatch import make_template
from tests.benchmarks.load import drive
from tests.observability.otlp import collecting
from tests.simulator.process import SimulatorProcess

ACCEPTED, SENT = (200, 15), (2000, 20)
"""Requests and messages of a block; blocks on, and as many off, of a round."""
OUT_OF_THE_BOX = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
Rates = tuple[float, float]
"""A second: while nothing is observed, and while all is that the environment says."""


def ways(otlp: str) -> dict[str, tuple[dict[str, str], str]]:
    """-> the environment, and the share of dispatched messages whose trace is kept."""
    traced = OUT_OF_THE_BOX | {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp}
    return {
        "metrics, timing, phases, JSON logs": (OUT_OF_THE_BOX, "0"),
        "and traces": (traced, "1"),
        "and traces without a bound": (traced | {"TRACES_PER_SECOND": "0"}, "1"),
    }


@contextmanager
def environ(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def accepting(key: str) -> Rates:
    size, blocks = ACCEPTED
    seconds = {"on": 0.0, "off": 0.0}
    with gunicorn("tests.benchmarks.switched") as port:
        asyncio.run(drive(port, PATH, 300, int(CALLERS), key))
        for number in range(2 * blocks):
            # on off off on: what rises or falls meanwhile is shared alike.
            turn = "on" if number % 4 in (0, 3) else "off"
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_observe/{turn}", timeout=10).close()
            seconds[turn] += size / asyncio.run(drive(port, PATH, size, int(CALLERS), key))
    return size * blocks / seconds["off"], size * blocks / seconds["on"]


def dispatching(share: str) -> Rates:
    loop = [sys.executable, "-m", "tests.benchmarks.switched_loop", *map(str, SENT), share]
    answer = subprocess.run(loop, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    off, on = answer.stdout.split()[-2:]
    return float(off), float(on)


def table(what: str, found: dict[str, list[Rates]]) -> Iterator[str]:
    yield f"| {what} a second | off | on | ratio |"
    yield "| --- | ---: | ---: | ---: |"
    for name, rates in found.items():
        off, on = (environment.median([pair[place] for pair in rates]) for place in (0, 1))
        ratios = [pair[1] / pair[0] for pair in rates]
        error = stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else 0.0
        yield f"| {name} | {off:,.0f} | {on:,.0f} | {mean(ratios):.3f} ± {error:.3f} |"


def main() -> None:
    environment.migrate()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    accepted: dict[str, list[Rates]] = {}
    sent: dict[str, list[Rates]] = {}
    simulator = SimulatorProcess([])
    try:
        template = make_template(simulator)
        MessageTemplate.objects.filter(pk=template.pk).update(code="bench")
        key = builders.make_client().make_key()
        with collecting() as collector:
            for _ in range(rounds):
                for name, (values, share) in ways(collector.url).items():
                    with environ(values):
                        accepted.setdefault(name, []).append(accepting(key))
                        sent.setdefault(name, []).append(dispatching(share))
    finally:
        simulator.stop()
    print(*table("accepted", accepted), "", *table("sent", sent), sep="\n")


if __name__ == "__main__":
    main()
