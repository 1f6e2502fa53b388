"""Many messages by one service: batches of 1,000, and one stream; one gunicorn process, PostgreSQL.

python -m tests.benchmarks.batch [messages]
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from tests.benchmarks import environment  # isort: skip - starts the services first
import orjson
import requests

from notifier.models import Message
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.accept import gunicorn_process
from tests.benchmarks.bodies import DATA, openid
from tests.benchmarks.dispatch import make_template
from tests.benchmarks.growth import _mib, tune
from tests.simulator.process import SimulatorProcess

ROWS, CALLERS = 1000, 2
Address = tuple[str, dict[str, str]]


def row(template: MessageTemplate, number: int) -> dict[str, object]:
    return {
        "template": template.code,
        "to": {"openid": openid(number % 1000)},
        "data": DATA,
        "idempotency_key": f"bench-{number}",
    }


def batches(address: Address, template: MessageTemplate, count: int) -> float:
    """Messages a second; the callers' bodies are made before."""
    url, headers = address
    bodies = [
        orjson.dumps({"messages": [row(template, n) for n in range(start, start + ROWS)]})
        for start in range(0, count, ROWS)
    ]

    def call(mine: list[bytes]) -> None:
        with requests.Session() as session:
            for body in mine:
                answer = session.post(f"{url}/batch", body, headers=headers, timeout=60)
                assert answer.json()["accepted"] == ROWS, answer.text[:300]

    threads = [
        threading.Thread(target=call, args=(bodies[place::CALLERS],)) for place in range(CALLERS)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - started)


def stream(address: Address, template: MessageTemplate, begins: int, count: int) -> float:
    def lines() -> Iterator[bytes]:
        for number in range(begins, begins + count):
            yield orjson.dumps(row(template, number)) + b"\n"

    url, headers = address
    started = time.perf_counter()
    with requests.post(
        f"{url}/stream", lines(), headers=headers, stream=True, timeout=600
    ) as answer:
        accepted = sum(b'"queued"' in line for line in answer.iter_lines())
    assert accepted == count, accepted
    return count / (time.perf_counter() - started)


def main() -> None:
    environment.migrate()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    simulator = SimulatorProcess([])
    try:
        template = make_template(simulator)
        tune()
        key = builders.make_client().make_key()
        with gunicorn_process("config.wsgi") as (port, process):
            url = f"http://127.0.0.1:{port}/api/v1/messages"
            address = (url, {"Authorization": f"Bearer {key}"})
            batches(address, template, 2 * ROWS)  # warm
            Message.objects.all().delete()
            web = int(subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True))
            memory = [_mib(web)]
            by_batch = batches(address, template, count)
            memory.append(_mib(web))
            by_stream = stream(address, template, count, count)
            memory.append(_mib(web))
    finally:
        simulator.stop()
    print(f"batches of {ROWS:,}, {CALLERS} callers: {by_batch:,.0f} messages/s")
    print(f"one stream: {by_stream:,.0f} messages/s")
    print("the web process' MiB, before, after batches, after the stream:", end=" ")
    print(", ".join(f"{one:.0f}" for one in memory))


if __name__ == "__main__":
    main()
