"""manage.py clock: the recurring work, every second. Two clocks do no harm."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from redis import RedisError

from notifier.audit.anchors import Daily
from notifier.dispatch import clock, renewal
from notifier.fallback import process as fallback
from notifier.intake import figures
from notifier.receipts import process as receipts
from notifier.recipients.following import job as following
from notifier.recipients.imports import job as imports
from templates_app import hourly

FIGURES_SECONDS = 5

log = logging.getLogger(__name__)


class Command(BaseCommand):
    _problem = ""
    help = "Wakes what is due and returns what a dead worker held. Run one, or two for safety."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stop = threading.Event()
        self._anchors = Daily()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        renewal.start(stop)
        fallback.start(stop)
        hourly.start(stop)
        log.info("clock started")
        while not stop.wait(1):
            self._tick()

    def _tick(self) -> None:
        """A database that is away is waited for: the clock is what brings everything back."""
        try:
            close_old_connections()
            now = timezone.now()
            clock.tick(now)
            receipts.tick(now)
            if now.second % FIGURES_SECONDS == 0:
                figures.tick(now)
            self._anchors.tick(now)
            imports.tick(now)
            following.tick(now)
        except (DatabaseError, RedisError) as error:
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
