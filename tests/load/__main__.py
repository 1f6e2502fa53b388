"""make load: more and more callers against a full local stack, until no more is answered; then what
is full. Writes var/load/index.html and var/load/report.md.

python -m tests.load LOCUST [--scenario NAME] [--seconds 15] [--web 1] [--workers 1] [--out FOLDER]
"""

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.load import stack  # isort: skip - starts the services first
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from notifier.models import Message, Priority, State
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks import campaigns, environment, growth
from tests.load import report
from tests.load.bottleneck import Limits, bottleneck
from tests.load.facts import Run, Step
from tests.load.watch import Metrics, Watch, percentile
from tests.simulator.process import SimulatorProcess

USERS = (1, 2, 4, 8, 16, 32, 64)
GAIN = 1.05
"""A step that answers less than so many times the best before it is one without a gain; two of them
end a scenario."""
MOST_ERRORS = 0.01
WECHAT_MS = 100
CAMPAIGN = 100_000
DRAINED_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Scenario:
    text: str
    user: str
    """The class in locustfile.py."""
    rows: int = 1
    with_receipts: bool = False
    campaign: int = 0
    """People of a campaign that is sent meanwhile."""


SCENARIOS = {
    "single": Scenario("one message a request", "Single"),
    "receipts": Scenario("the same, and a receipt of each comes back", "Single", 1, True),
    "batch": Scenario("a hundred messages a request", "Batch", 100),
    "mixed": Scenario(
        f"urgent messages one by one, while a campaign to {CAMPAIGN:,} people is sent",
        "Urgent",
        campaign=CAMPAIGN,
    ),
}


def main() -> None:
    asked = _arguments()
    environment.migrate()
    growth.tune()
    simulator = SimulatorProcess([])
    simulator.control("POST", "/latency", {"median_ms": WECHAT_MS, "sigma": 0.3})
    runs = []
    try:
        with stack.running(simulator, asked.web, asked.workers) as platform:
            for name in asked.scenario or SCENARIOS:
                scenario = SCENARIOS[name]
                run = Run(name, scenario.text, asked.web, asked.workers)
                runs.append(run)
                for step in _steps(platform, scenario, asked):
                    run.steps.append(step)
                    print(report.line(run, step), flush=True)
    finally:
        simulator.stop()
    limits = Limits(os.cpu_count() or 1, settings.DISPATCH_CONNECTIONS)
    report.write(asked.out, [(run, bottleneck(run, limits)) for run in runs])
    print(f"{asked.out}/index.html, {asked.out}/report.md")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("locust", help="the program, from an environment of its own")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, default=[])
    parser.add_argument("--seconds", type=int, default=15, help="of each step")
    parser.add_argument("--web", type=int, default=1, help="web processes")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=environment.ROOT / "var" / "load")
    return parser.parse_args()


def _steps(platform: stack.Stack, scenario: Scenario, asked: argparse.Namespace) -> Iterator[Step]:
    stack.forget_messages()
    template = stack.make_template(platform, scenario.with_receipts)
    key = builders.make_client().make_key()
    best, without_gain = 0.0, 0
    with ExitStack() as sending:
        if scenario.campaign:
            sending.enter_context(_campaign(template, scenario.campaign))
        for users in USERS:
            step = _step(platform, scenario, asked, template, key, users)
            yield step
            without_gain = 0 if step.qps > best * GAIN else without_gain + 1
            best = max(best, step.qps)
            if without_gain == 2 or step.errors > MOST_ERRORS:
                return
            _drain(DRAINED_SECONDS if not scenario.campaign else 0)


@contextmanager
def _campaign(template: MessageTemplate, count: int) -> Iterator[None]:
    """It is on its way while the steps are made; what is left of it is not sent."""
    campaigns.checked(template, campaigns.people(template, count))
    growth.until(lambda: Message.objects.filter(priority=Priority.BULK).exists())
    yield


def _step(
    platform: stack.Stack,
    scenario: Scenario,
    asked: argparse.Namespace,
    template: MessageTemplate,
    key: str,
    users: int,
) -> Step:
    metrics, began = Metrics(platform.url), timezone.now()
    port = int(platform.simulator.url.rpartition(":")[2])
    taken = growth.accepted_by_wechat(platform.simulator)
    with Watch(platform.trees, port) as watch:
        told = _locust(asked, platform.url, scenario.user, template.code, key, users)
        sent = growth.accepted_by_wechat(platform.simulator) - taken
    seconds = (timezone.now() - began) / timedelta(seconds=1)
    histogram, seen = metrics.since(), watch.seen
    assert seen is not None
    asked_times = {int(at): n for at, n in told["response_times"].items()}
    calls = histogram("hongyan_send_seconds").get(float("inf"), 0)
    total = histogram("hongyan_send_seconds_sum").get(0.0, 0)
    good = told["num_requests"] - told["num_failures"]
    due = _own(scenario).filter(state=State.QUEUED, due_at__lte=timezone.now())
    own_sent = _own(scenario).filter(created_at__gte=began).exclude(sent_at=None).count()
    return Step(
        users=users,
        seconds=seconds,
        qps=told["num_requests"] / asked.seconds,
        p50=_of(asked_times, 0.50),
        p95=_of(asked_times, 0.95),
        p99=_of(asked_times, 0.99),
        errors=told["num_failures"] / max(told["num_requests"], 1),
        accepted=good * scenario.rows / asked.seconds,
        sent=sent / seconds,
        own_sent=own_sent / seconds if scenario.campaign else sent / seconds,
        waiting=due.count(),
        to_wechat_p99=_to_wechat(began, scenario),
        receipt_p50=percentile(histogram("hongyan_receipt_lag_seconds"), 0.5),
        cpu=seen.cpu,
        memory=seen.memory,
        machine_cpu=seen.machine_cpu,
        memory_free=seen.memory_free,
        database=seen.database,
        wechat_connections=seen.wechat_connections,
        pool_p95=percentile(histogram("hongyan_pool_wait_seconds"), 0.95),
        wechat_mean=total / calls if calls else None,
    )


def _locust(
    asked: argparse.Namespace, url: str, user: str, template: str, key: str, users: int
) -> dict[str, Any]:
    answer = subprocess.run(
        [
            *(asked.locust, "-f", str(Path(__file__).parent / "locustfile.py"), user),
            *("--headless", "--host", url, "-u", str(users), "-r", str(users)),
            *("-t", f"{asked.seconds}s", "--json", "--loglevel", "ERROR", "--exit-code-on-error=0"),
        ],
        env=os.environ | {"LOAD_KEY": key, "LOAD_TEMPLATE": template},
        capture_output=True,
        text=True,
        timeout=asked.seconds + 60,
    )
    if answer.returncode:
        raise SystemExit(f"the callers ended with {answer.returncode}: {answer.stderr}")
    rows: list[dict[str, Any]] = json.loads(answer.stdout)
    if not rows:
        raise SystemExit("nothing was asked: is the web process up?")
    return rows[0]


def _of(times: dict[int, int], share: float) -> float:
    """Seconds; Locust rounds them to two digits."""
    wanted, seen = sum(times.values()) * share, 0
    for at in sorted(times):
        seen += times[at]
        if seen >= wanted:
            return at / 1000
    return 0.0


def _own(scenario: Scenario) -> QuerySet[Message]:
    """The callers' messages: beside a campaign they are the urgent ones."""
    rows = Message.objects.all()
    return rows.filter(priority=Priority.URGENT) if scenario.campaign else rows


def _to_wechat(began: datetime, scenario: Scenario) -> float | None:
    rows = _own(scenario).filter(created_at__gte=began).exclude(sent_at=None)
    took = sorted(
        (sent - created).total_seconds()
        for created, sent in rows.values_list("created_at", "sent_at")
    )
    return took[int(len(took) * 0.99)] if took else None


def _drain(seconds: float) -> None:
    """What a step left is not the next one's load."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and Message.objects.filter(state=State.QUEUED).exists():
        time.sleep(0.2)


if __name__ == "__main__":
    main()
