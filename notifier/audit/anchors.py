"""An anchor is what to keep outside of the database: where the chain stood on a day. Whoever can
write to the database can make a whole new chain, but not one that ends in an anchor kept elsewhere.
"""

import logging
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from notifier.models import AuditEntry

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    day: date
    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.day.isoformat()}:{self.number}:{self.hash}"


def parse(text: str) -> Anchor:
    """2026-11-25:17:<64 hexadecimal digits>. Raises ValueError."""
    day, number, digest = text.strip().split(":")
    int(digest, 16)
    if len(digest) != 64:
        raise ValueError("a hash has 64 digits")
    return Anchor(date.fromisoformat(day), int(number), digest.lower())


def newest(before: date | None = None) -> Anchor | None:
    """Of the last row, or of the last before a day."""
    rows = AuditEntry.objects.order_by("-day", "-number")
    row = (rows.filter(day__lt=before) if before else rows).first()
    return Anchor(row.day, row.number, row.hash) if row else None


class Daily:
    """Writes the anchor of the days that are over into the log, after each midnight and at the
    start: logs are usually kept where the database's owner cannot write."""

    def __init__(self) -> None:
        self._told: date | None = None

    def tick(self, now: datetime) -> None:
        today = timezone.localdate(now)
        if today == self._told:
            return
        if anchor := newest(before=today):
            log.info("audit anchor %s", anchor)
        self._told = today
