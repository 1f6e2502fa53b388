"""The one statement of accepting, for many messages of one template: as `store.py`, but with a list
of rows, whose people were looked up before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from notifier.intake.store import (
    FIELDS,
    FRESH,
    RECIPIENT,
    TABLE,
    adapted,
    as_given,
    fit,
    store_labels,
    until_commit,
)
from notifier.models.labels import labels_of

COLUMNS = (
    "recipient_id",
    "id",
    "openid",
    "payload",
    "metadata",
    "idempotency_key",
    "request_digest",
    "reason",
    "due_at",
    "expires_at",
)
"""What each message has of its own, in this order; the rest they have in common."""
ALWAYS_LISTED = ("recipient_id", "id")
CHUNK = 1000
"""Rows of a statement: below SQLite's 32,766 parameters, each column with each row one."""
Row = tuple[Any, ...]


def store_many(
    rows: Sequence[Row], common: Mapping[str, Any], template_id: int, now: datetime
) -> set[UUID]:
    """The ids of those that were stored. The others' people refuse them, or their idempotency key
    was used."""
    stored: set[UUID] = set()
    for start in range(0, len(rows), CHUNK):
        stored.update(_stored(rows[start : start + CHUNK], common, template_id, now))
    store_labels(
        [
            (row[_ID], *label)
            for row in rows
            if row[_ID] in stored
            for label in labels_of(row[_METADATA])
        ]
    )
    return stored


_ID, _METADATA = COLUMNS.index("id"), COLUMNS.index("metadata")


def _stored(
    rows: Sequence[Row], common: Mapping[str, Any], template_id: int, now: datetime
) -> Iterator[UUID]:
    """What is the same in all rows is sent once."""
    listed: dict[str, Sequence[Any]] = {}
    once = {name: adapted(FIELDS[name], value) for name, value in common.items()}
    for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        if name not in ALWAYS_LISTED and _is_same(column):
            once[name] = adapted(FIELDS[name], column[0])
        else:
            listed[name] = column
    given, parameters = as_given([*listed], [*zip(*listed.values(), strict=True)])
    own = [name for name in listed if name != "recipient_id"]
    columns = ", ".join([*own, *once, *FRESH, "recipient_id"])
    chosen = ", ".join([*(f"given.{name}" for name in own), *(["%s"] * len(once))])
    statement = (
        f"{given} INSERT INTO {TABLE} ({columns}) "  # noqa: S608 - our own names
        f"SELECT {chosen}, {', '.join(FRESH.values())}, r.id FROM given "
        f"JOIN {RECIPIENT} r ON r.id = given.recipient_id WHERE {fit('%s', '%s')} "
        f"{until_commit()} ON CONFLICT DO NOTHING RETURNING id"
    )
    at = adapted(FIELDS["created_at"], now)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *once.values(), template_id, at])
        for (pk,) in cursor.fetchall():
            yield pk if isinstance(pk, UUID) else UUID(pk)


def _is_same(column: Sequence[Any]) -> bool:
    """As JSON, where Python's == is not enough: to it, {"a": True} is {"a": 1}."""
    first = column[0]
    if any(value != first for value in column):
        return False
    return not isinstance(first, dict) or len({msgspec.json.encode(one) for one in column}) == 1
