"""What it costs to see: accepting and dispatching without counters, timing and logs; with them, as
it is out of the box; and with the trace of each message exported, or of every hundredth.

python -m tests.benchmarks.observed [rounds]: all of them one after the other in each round; the
ratios are of the same round.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks import environment  # isort: skip - starts the services first
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.accept import CALLERS, PATH, gunicorn, load
from tests.benchmarks.dispatch import make_template
from tests.observability.otlp import collecting
from tests.simulator.process import SimulatorProcess

ACCEPTED, SENT = 3_000, 10_000
OFF = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.unobserved"}
OUT_OF_THE_BOX = {"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"}


def ways(otlp: str) -> dict[str, tuple[dict[str, str], tuple[str, ...]]]:
    """-> the environment, and what the dispatch loop is told."""
    traced = OUT_OF_THE_BOX | {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp}
    few = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
    return {
        "nothing observed": (OFF, ()),
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


def main() -> None:
    environment.migrate()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found: dict[str, dict[str, list[float]]] = {"accepted": {}, "sent": {}}
    simulator = SimulatorProcess([])
    try:
        template = make_template(simulator)
        MessageTemplate.objects.filter(pk=template.pk).update(code="bench")
        key = builders.make_client().make_key()
        with collecting() as collector:
            for number in range(rounds):
                turn = [*ways(collector.url).items()]
                # Once forwards, once backwards: the last of a round must not always be the same.
                for name, (values, told) in reversed(turn) if number % 2 else turn:
                    with environ(values):
                        sent = environment.measured("tests.benchmarks.our_loop", str(SENT), *told)
                        with gunicorn("config.wsgi") as port:
                            load(port, PATH, 300, key, CALLERS)
                            accepted = load(port, PATH, ACCEPTED, key, CALLERS)
                    found["sent"].setdefault(name, []).append(sent)
                    found["accepted"].setdefault(name, []).append(accepted)
    finally:
        simulator.stop()
    for what, rates in found.items():
        print(f"| {what} a second | rate | ratio |", "| --- | ---: | ---: |", sep="\n")
        for row in environment.with_ratios(rates):
            print(f"| {row['what']} | {row['rate']:,.0f} | {row['ratio']:.3f} |")


if __name__ == "__main__":
    main()
