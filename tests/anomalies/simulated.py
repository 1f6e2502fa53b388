"""Real messages through dispatch to the simulator and back as receipts, window by window."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from notifier.anomalies.watch import look
from notifier.dispatch.clock import tick
from notifier.intake import figures
from notifier.receipts import process
from tests import builders
from tests.conftest import Platform

FAILS = {"path": "/cgi-bin/message/template/send", "errcode": 47003}
"""Refused for its content: neither held nor tried again."""


class Shop:
    """An account whose windows are short, so that an hour is a minute."""

    def __init__(self, platform: Platform, work: Callable[[], None], width: timedelta) -> None:
        self.platform, self.work, self.width = platform, work, width
        self.first = platform.message()
        self.work()

    def window(self, count: int, **fault: Any) -> datetime:
        """Waits for a window, sends in it, looks at those before it; returns when it began.
        `failing`: so many of them; `latency_ms`; `receipts_ms`, or None: none come."""
        begins = self._wait()
        control = self.platform.simulator.control
        control("DELETE", "/faults")
        if fault.get("failing"):
            control("POST", "/faults", FAILS | {"times": fault["failing"]})
        control("POST", "/latency", {"median_ms": fault.get("latency_ms", 5), "sigma": 0.2})
        lag = fault.get("receipts_ms", 50)
        lost = {"lose": 1.0 if lag is None else 0.0}
        control("POST", "/receipts", lost | {"median_ms": lag or 50, "sigma": 0.2})
        while look(timezone.now()):
            pass
        self.first.refresh_from_db()
        values = {"state": "queued", "msgid": "", "attempts": 0, "receipt_status": ""}
        for name, value in values.items():
            setattr(self.first, name, value)
        self.first.receipt_at = self.first.sent_at = self.first.errcode = None
        self.first.due_at = self.first.created_at = timezone.now()
        builders.copies(self.first, count)
        ends = begins + self.width * 0.9
        while timezone.now() < ends:
            tick(timezone.now())
            process.tick(timezone.now())
            figures.tick(timezone.now())
            self.work()
            time.sleep(0.05)
        return begins

    def _wait(self) -> datetime:
        seconds = self.width.total_seconds()
        begins = (time.time() // seconds + 1) * seconds
        time.sleep(begins - time.time() + 0.02)
        return datetime.fromtimestamp(begins, UTC)

    def look(self) -> None:
        """At what is over by now."""
        self._wait()
        time.sleep(self.width.total_seconds() * 0.1)
        while look(timezone.now()):
            pass
