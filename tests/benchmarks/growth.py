"""Growth: 10,000, 100,000 and 1,000,000 bulk messages; what each costs, and what others feel.

python -m tests.benchmarks.growth [N ...]: two workers and a clock, on PostgreSQL; while a million
wait, urgent messages are accepted one after the other, and another account sends ten. From the
first message that WeChat has to the last whose result is stored; the first N is measured before and
after the others. The CPU is that of the workers and of PostgreSQL: the simulator shares the machine
with them. The ratios are to the first N, each by what a fixed piece of work took at the same time
(`yardstick.py`), on the same two cores: what one load slows the other by counts for nobody.
"""

import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import attrgetter

from tests.benchmarks import environment  # isort: skip - starts the services first
import psutil
import requests
from django.db import connection, transaction
from django.db.models import Max

from notifier.models import Message, Priority, State
from templates_app.models import MessageTemplate
from tests import builders
from tests.benchmarks.accept import CALLERS, PATH, gunicorn, gunicorn_process, load
from tests.benchmarks.bodies import DATA, body, openid
from tests.benchmarks.dispatch import make_template
from tests.benchmarks.environment import median
from tests.benchmarks.yardstick import Yardstick
from tests.load.watch import cpu_seconds
from tests.simulator.process import SimulatorProcess

WORKERS = 2
URGENT = 200
OTHERS = 10
BATCH = 100_000
FILL = """
INSERT INTO notifier_message (id, account_id, version_id, recipient_id, requested_by, openid,
  priority, payload, metadata, request_digest, state, reason, created_at, due_at, expires_at,
  claimed_by, attempts, msgid, errmsg, rid, receipt_status, is_test,
  traceparent, baggage)
SELECT one.id, %s, %s, %s + (n %% 1000), '', 'x', %s,
  replace(%s, 'MESSAGE', replace(one.id::text, '-', '')), '{}', '', 'queued', '',
  now(), now(), now() + interval '1 day', '', 0, '', '', '', '', false, '', ''
FROM generate_series(1, %s) n,
  LATERAL (SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(md5(random()::text || n), 1, 19))::uuid AS id) one
"""


@dataclass
class Result:
    seconds: float
    cpu: float
    yard: float
    """What a fixed piece of work took meanwhile."""
    worker_mib: tuple[float, float]
    urgent: list[float] = field(default_factory=list)
    other_account: float = 0.0


def measure(
    simulator: SimulatorProcess,
    count: int,
    template: MessageTemplate,
    other: MessageTemplate,
    workers: int = WORKERS,
) -> Result:
    _fill(count, template)
    before = accepted_by_wechat(simulator)
    database = _database()
    with ExitStack() as stack:
        running = [stack.enter_context(python("manage.py", "worker")) for _ in range(workers)]
        stack.enter_context(python("manage.py", "clock"))
        until(lambda: accepted_by_wechat(simulator) > before)
        yard = stack.enter_context(Yardstick())
        started, spent = time.time(), _cpu(database, running)
        at_start, first = count + before - accepted_by_wechat(simulator), _mib(running[0].pid)
        urgent, others = _disturb(template, other) if count >= 1_000_000 else ([], 0.0)
        total = count + (URGENT + OTHERS if urgent else 0)
        until(lambda: accepted_by_wechat(simulator) >= before + total, seconds=1200)
        rows = Message.objects.filter(account=template.account)
        until(lambda: not rows.exclude(state=State.SENT).exists(), seconds=10)
        last, spent = _mib(running[0].pid), _cpu(database, running) - spent
    ended = rows.aggregate(ended=Max("sent_at"))["ended"].timestamp()
    each = (ended - started) / at_start, spent / at_start
    return Result(*each, yard.seconds, (first, last), urgent, others)


def _database() -> psutil.Process:
    """The parent of each connection's process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0]).parent()


def _cpu(database: psutil.Process, workers: list["subprocess.Popen[bytes]"]) -> float:
    """Seconds."""
    ours = [database, *database.children(), *(psutil.Process(one.pid) for one in workers)]
    return cpu_seconds({"ours": ours})["ours"]


def _disturb(template: MessageTemplate, other: MessageTemplate) -> tuple[list[float], float]:
    """Urgent messages one by one through the API, and ten of another account; seconds from their
    acceptance to WeChat's answer."""
    accepted: dict[str, float] = {}
    key = builders.make_client().make_key()
    with gunicorn("config.wsgi") as port, requests.Session() as session:
        for number in range(URGENT):
            answer = session.post(
                f"http://127.0.0.1:{port}/api/v1/messages",
                json={
                    "template": template.code,
                    "to": openid(number),
                    "data": DATA,
                    "priority": "urgent",
                },
                headers={"Authorization": f"Bearer {key}"},
                timeout=10,
            )
            assert answer.status_code == 202, answer.text
            accepted[answer.json()["id"]] = time.time()
            time.sleep(0.03)
    started = time.perf_counter()
    people = list(other.account.recipients.all()[:OTHERS])
    ten = [builders.make_message(other, one, data=DATA, priority=Priority.BULK) for one in people]
    until(lambda: not Message.objects.filter(pk__in=[m.pk for m in ten], sent_at=None).exists())
    others = time.perf_counter() - started
    rows = Message.objects.filter(pk__in=accepted)
    until(lambda: not rows.filter(sent_at=None).exists())
    taken = [sent.timestamp() - accepted[pk.hex] for pk, sent in rows.values_list("pk", "sent_at")]
    return taken, others


def web_memory(template: MessageTemplate) -> tuple[float, float]:
    """MiB of a web process after its first thousand messages, and after twenty thousand."""
    MessageTemplate.objects.filter(pk=template.pk).update(code="bench")
    key = builders.make_client().make_key()
    with gunicorn_process("config.wsgi") as (port, process):
        found = []
        for count in (1_000, 19_000):
            load(port, PATH, count, CALLERS, key)
            children = subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True)
            found.append(_mib(int(children.split()[0])))
    return found[0], found[1]


def _fill(count: int, template: MessageTemplate) -> None:
    first = template.account.recipients.order_by("pk").values_list("pk", flat=True)[0]
    payload = body(1, "MESSAGE").decode()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE notifier_messageevent, notifier_message CASCADE")
        for start in range(0, count, BATCH):
            rows = min(BATCH, count - start)
            ids = [template.account_id, template.published_id, first, int(Priority.BULK)]
            cursor.execute(FILL, [*ids, payload, rows])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE notifier_message")


def accepted_by_wechat(simulator: SimulatorProcess) -> int:
    """By WeChat, of all accounts: the database is not asked while it is measured."""
    accounts = simulator.control("GET", "/state")["accounts"]
    return sum(int(one["counters"]["accepted"]) for one in accounts)


def python(*arguments: str) -> "subprocess.Popen[bytes]":
    """Such as `manage.py worker`; entered and left, it is ended."""
    return _Ended([sys.executable, *arguments], cwd=environment.ROOT)


class _Ended(subprocess.Popen):  # type: ignore[type-arg]
    """Asked to stop, and waited for, by its pid."""

    def __exit__(self, *_args: object) -> None:
        self.terminate()
        self.wait(30)


def _mib(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def until(condition: object, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit("it did not happen in time")
        time.sleep(0.1)


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else 0.0


def tune() -> None:
    """With PostgreSQL's defaults a checkpoint comes every few seconds, and writes
    whole pages again and again: that would be measured, too."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        cursor.execute("ALTER SYSTEM SET checkpoint_timeout = '15min'")
        cursor.execute("ALTER SYSTEM SET checkpoint_completion_target = 0.9")
        cursor.execute("SELECT pg_reload_conf()")


def prepare(simulator: SimulatorProcess) -> list[MessageTemplate]:
    """Two accounts with a template and a thousand followers each."""
    return [make_template(simulator) for _ in range(2)]


def _row(count: int, results: list[Result], base: list[Result]) -> str:
    seconds, cpu = median([one.seconds for one in results]), median([one.cpu for one in results])
    wall, ours = (
        median([of(one) / one.yard for one in results])
        / median([of(one) / one.yard for one in base])
        for of in (attrgetter("seconds"), attrgetter("cpu"))
    )
    last = results[-1]
    return (
        f"| {count:,} | {seconds * 1e6:.0f} ({wall:.2f}) | {cpu * 1e6:.0f} ({ours:.2f}) "
        f"| {median([one.yard for one in results]) * 1e3:.1f} "
        f"| {last.worker_mib[0]:.0f} -> {last.worker_mib[1]:.0f} "
        f"| {_p99(last.urgent):.2f} s | {last.other_account:.2f} s |"
    )


def main() -> None:
    environment.migrate()
    counts = [int(word) for word in sys.argv[1:]] or [10_000, 100_000, 1_000_000]
    simulator = SimulatorProcess([])
    try:
        templates = prepare(simulator)
        tune()
        print(
            "| messages | µs each | CPU µs each | yard ms | worker MiB | urgent p99 | others' 10 |"
        )
        print("| ---: | ---: | ---: | ---: | --- | ---: | ---: |")
        found: dict[int, list[Result]] = {}
        for count in [*counts, counts[0]]:
            for _ in range(1 if count >= 1_000_000 else 5):
                found.setdefault(count, []).append(measure(simulator, count, *templates))
        base = found[counts[0]]
        for count, results in found.items():
            print(_row(count, results, base), flush=True)
        first, last = web_memory(templates[0])
        print(f"A web process: {first:.0f} MiB after 1,000 accepted, {last:.0f} after 20,000")
    finally:
        simulator.stop()


if __name__ == "__main__":
    main()
