"""The full local stack: PostgreSQL, Redis and the simulated WeChat of the benchmarks; web, workers
and clock as in production, so many processes as asked for."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from tests.benchmarks import environment  # noqa: F401  # isort: skip - starts the services first
import psutil
from django.db import OperationalError, connection

from notifier.models import Message, OutboxEntry, Recipient
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.accept import free_port, until_up
from tests.benchmarks.bodies import CONTENT, PATTERNS, TEMPLATE, openid
from tests.benchmarks.growth import python
from tests.chaos.callers import known_to_the_simulator
from tests.simulator.process import SimulatorProcess

PEOPLE = 1000
THREADS = 8
RECEIPT_MS = 300
TRIES = 10


@dataclass(frozen=True, slots=True)
class Stack:
    url: str
    simulator: SimulatorProcess
    parents: dict[str, list[psutil.Process]]

    def trees(self) -> dict[str, list[psutil.Process]]:
        """With their children; and ourselves with the callers."""
        found = {name: _with_children(ones) for name, ones in self.parents.items()}
        known = {one.pid for ones in found.values() for one in ones}
        rest = _with_children([psutil.Process()])
        found["callers"] = [one for one in rest if one.pid not in known]
        return found


@contextmanager
def running(simulator: SimulatorProcess, web: int, workers: int) -> Iterator[Stack]:
    port = free_port()
    options = ["--workers", str(web), "--threads", str(THREADS), "--no-control-socket"]
    options += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    commands = {
        "web": [["-m", "gunicorn", "config.wsgi:application", *options]],
        "worker": [["manage.py", "worker"]] * workers,
        "clock": [["manage.py", "clock"]],
    }
    with ExitStack() as stack:
        started = {
            name: [stack.enter_context(python(*one)) for one in ones]
            for name, ones in commands.items()
        }
        until_up(port)
        parents = {
            name: [psutil.Process(one.pid) for one in ones] for name, ones in started.items()
        }
        parents |= {
            "simulator": [psutil.Process(simulator.pid)],
            "PostgreSQL": [_postmaster()],
            "Redis": _redis(),
        }
        yield Stack(f"http://127.0.0.1:{port}", simulator, parents)


def make_template(stack: Stack, with_receipts: bool) -> MessageTemplate:
    """Of an account of its own with a thousand followers; WeChat knows its callback, or none."""
    # Switched on last: the clock would ask for a token of an account that WeChat does not know yet.
    account = builders.make_account(
        api_base_url=stack.simulator.url, daily_quota=0, is_active=False
    )
    template = builders.make_template(
        account, patterns=PATTERNS, content=CONTENT, wechat_template_id=TEMPLATE
    )
    Recipient.objects.bulk_create(
        Recipient(account=account, openid=openid(number)) for number in range(PEOPLE)
    )
    known = known_to_the_simulator(template, stack.url, dedup_seconds=1)
    if not with_receipts:
        known["callback_url"] = ""
    stack.simulator.control("POST", "/accounts", known)
    stack.simulator.control("POST", "/receipts", {"median_ms": RECEIPT_MS})
    account.is_active = True
    account.save()
    return template


def forget_messages() -> None:
    """So that a scenario does not send what another left. The workers hold rows meanwhile: of two
    that wait for each other PostgreSQL ends one."""
    for _ in range(TRIES):
        with suppress(OperationalError), connection.cursor() as cursor:
            # The outbox has no constraint that would have it emptied as well.
            tables = f"{Message._meta.db_table}, {OutboxEntry._meta.db_table}"
            cursor.execute(f"TRUNCATE {tables} CASCADE")
            return
    raise SystemExit("the messages of the last step could not be emptied")


def _with_children(parents: list[psutil.Process]) -> list[psutil.Process]:
    found = []
    for one in parents:
        try:
            found += [one, *one.children(recursive=True)]
        except psutil.Error:  # it has ended
            continue
    return found


def _postmaster() -> psutil.Process:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0]).parents()[0]


def _redis() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "redis" in one.name()]
