"""Recipients as CSV, row by row; an export with full data can be imported again. Attributes, which
services write, are JSON in it and no import's column; masked, only their names."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from notifier.models import Recipient, masked_email, masked_name, masked_openid
from notifier.recipients.attributes import as_json
from notifier.recipients.safe_csv import guarded

CHUNK = 2000
COLUMNS = (
    "openid",
    "user_id",
    "name",
    "email",
    "masked_phone",
    "unionid",
    "attributes",
    "groups",
    "state",
    "followed_at",
)


class _Line:
    """What csv writes into; a row is given on at once."""

    def write(self, text: str) -> str:
        return text


def csv_lines(people: QuerySet[Recipient], in_full: bool) -> Iterator[str]:
    """Begins with a byte order mark: Excel would take it for another encoding."""
    writer: Any = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(COLUMNS)
    rows = people.order_by("pk").prefetch_related("groups")
    for row in rows.iterator(chunk_size=CHUNK):
        yield writer.writerow(guarded(_cells(row, in_full)))


def _cells(row: Recipient, in_full: bool) -> list[str]:
    own = (row.openid, row.user_id, row.name, row.email, row.phone_shown, row.unionid)
    attributes = as_json(row.attributes) if row.attributes else ""
    if not in_full:
        own = (
            masked_openid(row.openid),
            row.user_id,
            masked_name(row.name),
            masked_email(row.email),
            row.phone_shown,
            masked_openid(row.unionid) if row.unionid else "",
        )
        attributes = ";".join(sorted(row.attributes))
    groups = ";".join(sorted(group.name for group in row.groups.all()))
    return [*own, attributes, groups, row.state, _moment(row.followed_at)]


def _moment(at: datetime | None) -> str:
    return timezone.localtime(at).isoformat(timespec="seconds") if at else ""
