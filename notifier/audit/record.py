"""Writing the audit trail: one row, at the end of the chain, in the transaction of the change."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from notifier.acting import SYSTEM, Actor, current
from notifier.audit.chain import digest
from notifier.models import AuditEntry
from notifier.models.audit import FIRST

_LOCK = 0x686F6E67  # PostgreSQL's advisory locks have numbers; this is "hong"


@contextmanager
def recording() -> Iterator[None]:
    """A transaction that holds the end of the chain until it is over: two writers cannot follow the
    same row. Taken before the change's own rows are locked, so that two changes cannot wait for
    each other. (SQLite: the transaction holds the one write lock anyhow.)"""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield


def record(
    action: str,
    *,
    object_type: str = "",
    object_id: object = "",
    object_name: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    actor: Actor | None = None,
) -> AuditEntry:
    """For what is no change of a row, or not seen as one; changes of rows record themselves
    (`notifier/audit/capture.py`). Call it in the transaction of what it tells of.

    `before` and `after` hold JSON's values by field, without secrets and personal data.
    """
    actor = actor or current() or SYSTEM
    with recording():
        last = AuditEntry.objects.order_by("-day", "-number").first()
        now = timezone.now()
        today = timezone.localdate(now)
        # A clock that was set back does not reopen a day that is over.
        day = max(today, last.day) if last else today
        entry = AuditEntry(
            day=day,
            number=last.number + 1 if last and last.day == day else 1,
            at=now,
            actor_kind=actor.kind,
            actor=_fitting(actor.name, 200),
            address=_fitting(actor.address, 45),
            request_id=_fitting(actor.request_id, 64),
            action=action,
            object_type=object_type,
            object_id=_fitting(object_id, 64),
            object_name=_fitting(object_name, 200),
            before=_json(before),
            after=_json(after),
            previous=last.hash if last else FIRST,
        )
        entry.hash = digest(entry)
        entry.save(force_insert=True)
    return entry


def _json(values: Mapping[str, Any] | None) -> str:
    return json.dumps(values or {}, ensure_ascii=False, separators=(",", ":"))


def _fitting(text: object, length: int) -> str:
    """PostgreSQL stores no NUL."""
    clean = str(text).replace("\0", "")
    return clean if len(clean) <= length else f"{clean[: length - 1]}…"
