"""What it costs to see: accepting and dispatching without counters, timing and logs; with them, as
it is out of the box; and with the trace of each message exported, or of every hundredth.

python -m tests.benchmarks.observed [rounds]. Dispatch: all of them one after the other in each
round; the ratios are of the same round. Accepting: one process of each, whose observing is switched
on and off between short blocks of requests (`switched.py`).
"""

import asyncio
import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks import environment  # isort: skip - starts the services first
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.accept import CALLERS, PATH, gunicorn
from tests.benchmarks.dispatch import make_template
from tests.benchmarks.load import drive
from tests.observability.otlp import collecting
from tests.simulator.process import SimulatorProcess

SENT, BLOCK, BLOCKS = 10_000, 200, 15
"""Messages of a round; requests of a block, and blocks on and off in each round."""
OFF = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.unobserved"}
OUT_OF_THE_BOX = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}
Way = tuple[dict[str, str], tuple[str, ...]]


def ways(otlp: str) -> dict[str, Way]:
    """-> the environment, and what the dispatch loop is told."""
    traced = OUT_OF_THE_BOX | {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp}
    few = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
    return {
        "metrics, timing, phases, JSON logs": (OUT_OF_THE_BOX, ()),
        "and traces, 1 of 100": (traced | few, ("traced", "0.01")),
        "and traces of all": (traced, ("traced", "1")),
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


def accepting(key: str) -> tuple[float, float]:
    """Requests a second while nothing is observed, and while all is that the environment says."""
    seconds = {"on": 0.0, "off": 0.0}
    with gunicorn("tests.benchmarks.switched") as port:
        asyncio.run(drive(port, PATH, 300, int(CALLERS), key))
        for number in range(2 * BLOCKS):
            # on off off on: what rises or falls meanwhile is shared alike.
            turn = "on" if number % 4 in (0, 3) else "off"
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_observe/{turn}", timeout=10).close()
            seconds[turn] += BLOCK / asyncio.run(drive(port, PATH, BLOCK, int(CALLERS), key))
    return BLOCK * BLOCKS / seconds["off"], BLOCK * BLOCKS / seconds["on"]


def dispatching(way: Way) -> float:
    values, told = way
    with environ(values):
        return environment.measured("tests.benchmarks.our_loop", str(SENT), *told)


def main() -> None:
    environment.migrate()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    sent: dict[str, list[float]] = {}
    accepted: dict[str, list[tuple[float, float]]] = {}
    simulator = SimulatorProcess([])
    try:
        template = make_template(simulator)
        MessageTemplate.objects.filter(pk=template.pk).update(code="bench")
        key = builders.make_client().make_key()
        with collecting() as collector:
            for number in range(rounds):
                turn = [("nothing observed", (OFF, ())), *ways(collector.url).items()]
                # Once forwards, once backwards: the last of a round must not always be the same.
                for name, way in reversed(turn) if number % 2 else turn:
                    sent.setdefault(name, []).append(dispatching(way))
                for name, (values, _) in ways(collector.url).items():
                    with environ(values):
                        accepted.setdefault(name, []).append(accepting(key))
    finally:
        simulator.stop()
    print("| sent a second | rate | ratio |", "| --- | ---: | ---: |", sep="\n")
    for row in environment.with_ratios(sent):
        print(f"| {row['what']} | {row['rate']:,.0f} | {row['ratio']:.3f} |")
    print("| accepted a second | off | on | ratio |", "| --- | ---: | ---: | ---: |", sep="\n")
    for name, pairs in accepted.items():
        off, on = (environment.median([pair[place] for pair in pairs]) for place in (0, 1))
        ratio = environment.median([pair[1] / pair[0] for pair in pairs])
        print(f"| {name} | {off:,.0f} | {on:,.0f} | {ratio:.3f} |")


if __name__ == "__main__":
    main()
