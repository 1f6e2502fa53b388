"""manage.py clock: the recurring work, every second. Two clocks do no harm."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils import timezone
from redis import RedisError

from notifier.anomalies.mail import send_mails
from notifier.anomalies.watch import JUDGED, watch
from notifier.audit.anchors import Daily
from notifier.campaigns.forgetting import forget_audiences, forget_uploads
from notifier.campaigns.watch import watch_all
from notifier.dispatch import clock, renewal
from notifier.dispatch.works import begun, done, forgotten_but
from notifier.fallback.process import process_fallbacks
from notifier.gateway.pushes import process_pushes
from notifier.intake import figures
from notifier.models import away
from notifier.profiling.listener import listen
from notifier.receipts import process as receipts
from notifier.recipients.following import job as following
from notifier.recipients.imports import job as imports
from notifier.retention.sweep import sweep
from notifier.schedules.send import send_due
from notifier.webhooks.courier import courier
from notifier.webhooks.relay import prune, relay
from notifier.webhooks.tidying import tidy
from templates_app.hourly import sync_all

log = logging.getLogger(__name__)

AWAY = (*away.AWAY, RedisError)
FIGURES_SECONDS = 5
COMPLAIN_SECONDS = 60
ALONE_SECONDS = 30
"""So long nothing is away for the clock itself, but for one of its works."""
TELL_SECONDS = 10.0
FINISH_SECONDS = 10
Work = Callable[[datetime], object]


def _figures(now: datetime) -> None:
    if now.second % FIGURES_SECONDS == 0:
        figures.tick(now)


EVERY_SECOND: tuple[Work, ...] = (
    *clock.WORKS,
    receipts.tick,
    _figures,
    imports.tick,
    following.tick,
)
BESIDE: tuple[tuple[str, Callable[[], object], float, float], ...] = (
    ("tokens", renewal.renew_tokens, 10, 0),
    ("fallbacks", process_fallbacks, 1, 1),
    ("events", relay, 0.5, 1),
    ("webhooks", courier.work, 0.5, 1),
    ("tidying", tidy, 30, 30),
    ("old events", prune, 3600, 180),
    ("gateway", process_pushes, 1, 1),
    ("templates", sync_all, 3600, 60),
    ("campaigns", watch_all, 1, 1),
    ("schedules", send_due, 1, 1),
    ("uploads", forget_uploads, 3600, 120),
    ("audiences", forget_audiences, 3600, 150),
    ("anomalies", watch, 5, 20),
    ("anomaly mails", send_mails, 5, 10),
    ("old rows", sweep, 3600, 240),
)
"""(name, work, seconds between two, seconds before the first): each in a thread of its own, for
WeChat, a mail server or a service may be slow, and the clock must not be. Work that returns
something truthy has more to do, and goes on at once."""


class Command(BaseCommand):
    _problem = ""
    help = "Wakes what is due and returns what a dead worker held. Run one, or two for safety."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stop = threading.Event()
        works = (*EVERY_SECOND, Daily().tick)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        forgotten_but([JUDGED, *(title for title, *_ in BESIDE)])
        for title, work, every, first in BESIDE:
            thread = threading.Thread(
                target=_repeat, args=(stop, work, every, first), name=title, daemon=True
            )
            thread.start()
        listen("clock")
        log.info("clock started")
        while not stop.wait(1):
            self._tick(works)
        courier.finish(FINISH_SECONDS)

    def _tick(self, works: tuple[Work, ...]) -> None:
        """A database that is away is waited for: the clock is what brings everything back. What
        one work cannot do stops no other; the clock is silent, which alerts, until it can."""
        now, is_done = timezone.now(), True
        try:
            for work in works:
                close_old_connections()
                is_done &= _does(work, now)
            if is_done:
                clock.beat(now)
        except AWAY as error:
            away.leave_read_only(error)
            self._complain(type(error).__name__)
        else:
            self._complain("")

    def _complain(self, problem: str) -> None:
        """Once for each outage, not once a second."""
        if problem and problem != self._problem:
            log.warning("the database or Redis is away (%s); trying until it is back", problem)
        elif self._problem and not problem:
            log.info("the database and Redis are back")
        self._problem = problem
        (_OUTAGE.set if problem else _OUTAGE.clear)()


def _does(work: Work, now: datetime) -> bool:
    try:
        work(now)
    except AWAY:
        raise
    except Exception:
        _tell(f"{work.__module__}.{work.__qualname__}")
        return False
    return True


_OUTAGE = threading.Event()
"""The clock has said that the database or Redis is away: no work needs to say so, too."""
_told: dict[str, float] = {}


def _tell(name: str) -> None:
    """What nobody expected must not end in silence, nor fill the disk."""
    if time.monotonic() - _told.get(name, -COMPLAIN_SECONDS) >= COMPLAIN_SECONDS:
        _told[name] = time.monotonic()
        log.exception("%s failed; it is tried again", name)


def _repeat(stop: threading.Event, work: Callable[[], object], every: float, wait: float) -> None:
    name, told_at = threading.current_thread().name, -TELL_SECONDS
    alone_since: float | None = None
    while not stop.wait(wait):
        wait = every
        is_told = time.monotonic() - told_at >= TELL_SECONDS
        if is_told:
            told_at = time.monotonic()
            begun(name, every)
        try:
            if work():
                wait = 0
        except AWAY as error:
            away.leave_read_only(error)  # of this thread's own connection
            wait = min(every, COMPLAIN_SECONDS)
            alone_since = None if _OUTAGE.is_set() else alone_since or time.monotonic()
            if alone_since and time.monotonic() - alone_since >= ALONE_SECONDS:
                _tell(name)
        except Exception:
            _tell(name)
        else:
            alone_since = None
            if is_told:
                done(name, every)
