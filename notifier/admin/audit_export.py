"""The audit trail as a file: row by row, whatever its size, oldest first."""

import csv
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext

from notifier.admin.audit_words import action_in_words, kind_in_words, type_in_words, values
from notifier.models import AuditEntry

PAGE = 1000
Entries = QuerySet[AuditEntry]


def exported(rows: Entries, kind: str) -> StreamingHttpResponse:
    lines, content_type = KINDS[kind]
    name = f"audit-{timezone.localtime():%Y%m%d-%H%M%S}.{kind}"
    return StreamingHttpResponse(
        lines(_pages(rows)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _pages(rows: Entries) -> Iterator[AuditEntry]:
    """Each page begins after the last row of the one before; a cursor of the database would have to
    stay open, for as long as somebody's line takes."""
    page = rows = rows.order_by("day", "number")
    while batch := list(page[:PAGE]):
        yield from batch
        last = batch[-1]
        page = rows.filter(Q(day__gt=last.day) | Q(number__gt=last.number), day__gte=last.day)


class _Line:
    """What csv writes to."""

    def write(self, text: str) -> str:
        return text


def _csv(rows: Iterator[AuditEntry]) -> Iterator[str]:
    """For people and their spreadsheets, in words; the mark at the front tells them it is UTF-8."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow([gettext(str(name)) for name in _header()])
    for row in rows:
        yield writer.writerow([_harmless(value) for value in _cells(row)])


def _header() -> list[str]:
    names = ["day", "number", "at", "actor_kind", "actor", "address", "action", "object_type"]
    names += ["object_id", "object_name", "before", "after", "request_id", "hash"]
    return [str(AuditEntry._meta.get_field(name).verbose_name) for name in names]  # type: ignore[union-attr]


def _cells(row: AuditEntry) -> list[str]:
    return [
        row.day.isoformat(),
        str(row.number),
        f"{timezone.localtime(row.at):%Y-%m-%d %H:%M:%S}",
        kind_in_words(row.actor_kind),
        row.actor,
        row.address,
        action_in_words(row.action),
        type_in_words(row.object_type),
        row.object_id,
        row.object_name,
        row.before,
        row.after,
        row.request_id,
        row.hash,
    ]


def _harmless(cell: str) -> str:
    """A spreadsheet would carry out what begins so (OWASP, CSV injection)."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _jsonl(rows: Iterator[AuditEntry]) -> Iterator[str]:
    """For programs: all that the hash is made of, so that they can check the chain."""
    for row in rows:
        yield json.dumps(_whole(row), ensure_ascii=False, default=str) + "\n"


def _whole(row: AuditEntry) -> dict[str, Any]:
    found = {field.attname: getattr(row, field.attname) for field in AuditEntry._meta.fields}
    return found | {
        "at": row.at.isoformat(timespec="microseconds"),
        "before": values(row.before),
        "after": values(row.after),
    }


Lines = Callable[[Iterator[AuditEntry]], Iterator[str]]
KINDS: dict[str, tuple[Lines, str]] = {
    "csv": (_csv, "text/csv; charset=utf-8"),
    "jsonl": (_jsonl, "application/jsonl; charset=utf-8"),
}
