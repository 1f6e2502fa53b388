"""The chain of hashes: each row's is made of its content and of the hash of the row before."""

import hashlib
import json
from datetime import UTC, date, datetime

from notifier.models import AuditEntry

CONTENT = (
    "actor_kind",
    "actor",
    "address",
    "request_id",
    "action",
    "object_type",
    "object_id",
    "object_name",
    "before",
    "after",
)


def digest(entry: AuditEntry) -> str:
    """SHA-256, in hexadecimal, of the JSON list [previous, day, number, time, …CONTENT]: UTF-8, no
    blanks, nothing escaped that need not be, the time in UTC with microseconds."""
    values = [entry.previous, _day(entry.day), entry.number, _moment(entry.at)]
    values += [getattr(entry, name) for name in CONTENT]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _day(day: date) -> str:
    return day.isoformat()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
