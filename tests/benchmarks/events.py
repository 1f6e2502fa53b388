"""What it costs that services are told: dispatch with and without the outbox, the relay, the
courier to one endpoint on this machine, on PostgreSQL: python -m tests.benchmarks.events
"""

from tests.benchmarks import environment  # isort: skip - starts the services first

import sys
import time
from collections.abc import Iterator

from django.utils import timezone

from notifier.dispatch.outbox import note_changes
from notifier.models import Message, OutboxEntry, Outcome, WebhookDelivery
from notifier.webhooks.courier import Courier
from notifier.webhooks.relay import relay
from tests import builders
from tests.benchmarks.dispatch import prepare
from tests.benchmarks.environment import Row, measured, with_ratios
from tests.simulator.process import SimulatorProcess
from tests.webhooks.receiver import receiving

WAYS = {"nobody is told": "untold", "the outbox is written": "asked"}


def compare(count: int, rounds: int) -> list[Row]:
    simulator = SimulatorProcess([])
    found: dict[str, list[float]] = {}
    try:
        prepare(simulator)
        for number in range(rounds):
            ways = list(WAYS.items())[:: 1 if number % 2 else -1]
            rates = {
                name: measured("tests.benchmarks.our_loop", str(count), how) for name, how in ways
            }
            for name in WAYS:
                found.setdefault(name, []).append(rates[name])
    finally:
        simulator.stop()
    return with_ratios(found)


def telling(count: int) -> Iterator[tuple[str, float]]:
    """Events a second of the relay and of the courier, of the messages that are there."""
    with receiving() as receiver:
        builders.make_endpoint(Message.objects.first().client, url=receiver.url)  # type: ignore[union-attr, arg-type]
        OutboxEntry.objects.all().delete()
        ids = list(Message.objects.values_list("pk", flat=True)[:count])
        for start in range(0, len(ids), 200):
            note_changes(ids[start : start + 200], timezone.now())
        began = time.perf_counter()
        while relay():
            pass
        yield "relay", len(ids) / (time.perf_counter() - began)
        began, courier = time.perf_counter(), Courier()
        while courier.work():
            pass
        yield "courier, one endpoint", len(ids) / (time.perf_counter() - began)
        assert not WebhookDelivery.objects.exclude(outcome=Outcome.DELIVERED).exists()


if __name__ == "__main__":
    environment.migrate()
    count, rounds = (int(one) for one in (sys.argv[1:] or ["6000", "5"]))
    for row in compare(count, rounds):
        print(f"{row['what']:25} {row['rate']:8,.0f} {row['ratio']:.3f}")
    for name, rate in telling(count):
        print(f"{name:25} {rate:8,.0f}")
