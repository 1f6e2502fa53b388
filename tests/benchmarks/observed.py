"""What it costs to see: accepting and dispatching without counters, timing, phases and logs; with
them, as it is out of the box; with traces as well, of which each is kept by its service; and with
each of these exported, beyond the allowance.

python -m tests.benchmarks.observed [rounds]. One process of each, which observes by turns
(`switched.py`, `switched_loop.py`). What is compared is the processor's time, for it is what
accepting is limited by, and a machine that is slow for a second changes it less than what a second
brings; of dispatch, whose database is another process, the time by the clock, too, which is its
throughput.
"""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean, median, stdev

from tests.benchmarks import environment  # isort: skip - starts the services first
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.accept import CALLERS, PATH, gunicorn
from tests.benchmarks.dispatch import make_template
from tests.benchmarks.load import drive
from tests.observability.otlp import collecting
from tests.simulator.process import SimulatorProcess

ACCEPTED, SENT = 10_000, (600, 80)
"""Requests of a round; messages of a block, and blocks on, and as many off, of a round."""
OUT_OF_THE_BOX = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
Costs = tuple[float, float]
"""Microseconds for one: nothing observed, and all that the environment says."""


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


def accepting(key: str) -> Costs:
    """Of the web process, with gunicorn's share."""

    def spent() -> dict[str, float | list[float]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_spent", timeout=10) as answer:
            return json.load(answer)  # type: ignore[no-any-return]

    with gunicorn("tests.benchmarks.switched") as port:
        asyncio.run(drive(port, PATH, 500, CALLERS, key))  # what was saved is used up
        before = spent()
        asyncio.run(drive(port, PATH, ACCEPTED, CALLERS, key))
        after = spent()
    off, on = after["off"], after["on"]
    outside = after["process"] - before["process"] - sum(off) - sum(on) - after["beside"]
    around = outside / ACCEPTED
    return (fmean(off) + around) * 1e6, (fmean(on) + around + after["beside"] / len(on)) * 1e6


def dispatching(share: str) -> tuple[Costs, Costs]:
    """-> of the processor's time, and by the clock, which is what throughput is made of."""
    loop = [sys.executable, "-m", "tests.benchmarks.switched_loop", *map(str, SENT), share]
    with environ({"OTEL_BSP_SCHEDULE_DELAY": "3600000"}):
        answer = subprocess.run(loop, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    off, on, long_off, long_on = map(float, answer.stdout.split()[-4:])
    return (off, on), (long_off, long_on)


def table(what: str, found: dict[str, list[Costs]]) -> Iterator[str]:
    yield f"| {what}: µs for one | off | on | off / on |"
    yield "| --- | ---: | ---: | ---: |"
    for name, costs in found.items():
        off, on = (median([pair[place] for pair in costs]) for place in (0, 1))
        ratios = [pair[0] / pair[1] for pair in costs]
        error = stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else 0.0
        yield f"| {name} | {off:,.0f} | {on:,.0f} | {fmean(ratios):.3f} ± {error:.3f} |"


def main() -> None:
    environment.migrate()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    accepted: dict[str, list[Costs]] = {}
    sent: dict[str, list[Costs]] = {}
    lasted: dict[str, list[Costs]] = {}
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
                        cost, length = dispatching(share)
                        sent.setdefault(name, []).append(cost)
                        lasted.setdefault(name, []).append(length)
    finally:
        simulator.stop()
    for what, found in (("accepted", accepted), ("sent", sent), ("sent, by the clock", lasted)):
        print(*table(what, found), "", sep="\n")


if __name__ == "__main__":
    main()
