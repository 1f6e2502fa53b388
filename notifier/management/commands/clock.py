"""manage.py clock: the recurring work, every second. Two clocks do no harm."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from notifier.dispatch import clock
from notifier.receipts import process

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Wakes what is due and returns what a dead worker held. Run one, or two for safety."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        log.info("clock started")
        while not stop.wait(1):
            self._tick()

    def _tick(self) -> None:
        """A database that is away is waited for: the clock is what brings everything back."""
        try:
            close_old_connections()
            now = timezone.now()
            clock.tick(now)
            process.tick(now)
        except DatabaseError as error:
            log.warning("the database is away (%s); trying again", type(error).__name__)
