"""How the platform stands at this moment: database, Redis, migrations, clock, workers, lanes, and
when each account last sent something. For the page “Sending” and `hongyan status`; what Prometheus
asks of it too stands in `gauges`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext
from redis import RedisError
from rq import Worker
from rq.worker import BaseWorker

from notifier.dispatch.clock import last_beat
from notifier.dispatch.lanes import redis
from notifier.models import MessageCount, State
from notifier.models.counts import Span
from notifier.observability.health import checks

CLOCK_PATIENCE = timedelta(minutes=1)
WORKER_PATIENCE = timedelta(seconds=90)
"""An idle worker is heard from every 45 s."""
REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SeenWorker:
    name: str
    host: str
    pid: int | None
    queues: list[str]
    is_busy: bool
    heartbeat: datetime | None
    done: int
    failed: int
    is_heard: bool
    """A job of the background takes hours, and RQ hears nothing of its worker meanwhile."""

    def is_silent(self, now: datetime) -> bool:
        late = self.heartbeat and now - self.heartbeat > WORKER_PATIENCE
        return self.is_heard and bool(late)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something of the platform itself that needs somebody, in the reader's language."""

    text: str
    to_do: str
    runbook: str
    """Its name: /runbooks/<language>/<name>/."""


@dataclass(frozen=True, slots=True)
class Last:
    """To the minute; None: not within REMEMBERED."""

    sent: datetime | None
    receipt: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    checks: dict[str, str]
    """Database, migrations, Redis: ok, or what is wrong, in the reader's language."""
    workers: list[SeenWorker]
    clock_beat: datetime | None
    troubles: list[Trouble]

    def clock_runs(self, now: datetime) -> bool:
        return self.clock_beat is not None and now - self.clock_beat <= CLOCK_PATIENCE


def standing(now: datetime) -> Standing:
    """Where Redis is away there are no workers and no clock to see, which is its one trouble."""
    found = checks()
    words = {name: "ok" if word.is_ok else word.shown() for name, word in found.items()}
    troubles = [_of_check(name, words[name]) for name, word in found.items() if not word.is_ok]
    try:
        workers, beat = seen_workers(), last_beat()
    except RedisError:
        return Standing(words, [], None, troubles)
    seen = Standing(words, workers, beat, troubles)
    return replace(seen, troubles=[*troubles, *_of_processes(seen, now)])


def seen_workers() -> list[SeenWorker]:
    """Raises RedisError."""
    found = [_seen(one) for one in Worker.all(connection=redis())]
    return sorted(found, key=lambda one: (one.host, one.name))


def last_successes(accounts: Iterable[int], now: datetime) -> dict[int, Last]:
    """When WeChat last took a message of an account, and last told what became of one. From the
    counts: never from the log, which may have a million rows since."""
    sent = _last(now, State.SENT)
    receipts = _last(now, State.DELIVERED, State.UNDELIVERED)
    return {pk: Last(sent.get(pk), receipts.get(pk)) for pk in accounts}


def _last(now: datetime, *states: State) -> dict[int, datetime]:
    """The hour first: there are few of them. Then the minute within that hour."""
    counted = MessageCount.objects.filter(state__in=states).order_by().values_list("account_id")
    hours = counted.filter(span=Span.HOUR, begins__gte=now - REMEMBERED, begins__lte=now)
    found: dict[int, datetime] = dict(hours.annotate(Max("begins")))
    for begins in set(found.values()):
        minutes = counted.filter(
            span=Span.MINUTE, begins__gte=begins, begins__lt=begins + timedelta(hours=1)
        )
        here = [pk for pk, hour in found.items() if hour == begins]
        found |= dict(minutes.filter(account_id__in=here).annotate(Max("begins")))
    return found


def _seen(worker: BaseWorker) -> SeenWorker:
    queues = worker.queue_names()
    return SeenWorker(
        name=worker.name,
        host=worker.hostname or "",
        pid=worker.pid,
        queues=queues,
        is_busy=str(getattr(worker.get_state(), "value", worker.get_state())) == "busy",
        heartbeat=worker.last_heartbeat,
        done=worker.successful_job_count,
        failed=worker.failed_job_count,
        is_heard=queues != [settings.BACKGROUND_QUEUE],
    )


def _of_check(name: str, word: str) -> Trouble:
    said, to_do, runbook = {
        "database": (
            gettext("The database: %(said)s."),
            gettext("See that it runs and that DATABASE_URL is right."),
            "section-silent",
        ),
        "migrations": (
            gettext("Migrations: %(said)s."),
            gettext("Run manage.py migrate, then start the processes again."),
            "start",
        ),
        "redis": (
            gettext("Redis: %(said)s. Nothing is sent until it is back; no message is lost."),
            gettext("See that it runs and that REDIS_URL is right."),
            "section-silent",
        ),
    }[name]
    return Trouble(said % {"said": word}, to_do, runbook)


def _of_processes(seen: Standing, now: datetime) -> Iterable[Trouble]:
    heard = {name for one in seen.workers for name in one.queues}
    if missing := [name for name in settings.RQ_QUEUES if name not in heard]:
        yield Trouble(
            gettext("No worker listens to %(queues)s.") % {"queues": ", ".join(missing)},
            gettext("Start manage.py worker; for background, manage.py worker background."),
            "no-worker",
        )
    for one in seen.workers:
        if one.is_silent(now):
            yield Trouble(
                gettext("The worker %(name)s on %(host)s is silent.")
                % {"name": one.name, "host": one.host},
                gettext("It hangs or was killed. What it held is taken over after a minute."),
                "worker-silent",
            )
    if not seen.clock_runs(now):
        yield Trouble(
            gettext("The clock does not run."),
            gettext("Start manage.py clock: it wakes what is due, and posts webhooks."),
            "clock-silent",
        )
