"""The one statement of accepting, for many messages of one template: as `store.py`, but with a list
of rows, whose people were looked up before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Field

from notifier.intake.store import (
    FIT,
    FRESH,
    MOMENT,
    RECIPIENT,
    TABLE,
    adapted,
    as_json,
    store_labels,
    until_commit,
)
from notifier.models import Message
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
    fields = _fields()
    listed: dict[str, Sequence[Any]] = {}
    once = {name: adapted(fields[name], value) for name, value in common.items()}
    for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        if name not in ALWAYS_LISTED and _is_same(column):
            once[name] = adapted(fields[name], column[0])
        else:
            listed[name] = column
    given, parameters = _given(listed)
    own = [name for name in listed if name != "recipient_id"]
    columns = ", ".join([*own, *once, *FRESH, "recipient_id"])
    chosen = ", ".join([*(f"given.{name}" for name in own), *(["%s"] * len(once))])
    statement = (
        f"{given} INSERT INTO {TABLE} ({columns}) "  # noqa: S608 - our own names
        f"SELECT {chosen}, {', '.join(FRESH.values())}, r.id FROM given "
        f"JOIN {RECIPIENT} r ON r.id = given.recipient_id WHERE {FIT} "
        f"{until_commit()} ON CONFLICT DO NOTHING RETURNING id"
    )
    at = MOMENT.get_db_prep_save(now, connection)
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


def _given(listed: Mapping[str, Sequence[Any]]) -> tuple[str, list[Any]]:
    """`WITH given (…) AS (…)` and its parameters. PostgreSQL gets the list as one JSON text: the
    statement is short and the same each time, where a thousand rows of parameters are parsed anew
    each time, by the driver and by the server."""
    fields, names, rows = _fields(), ", ".join(listed), zip(*listed.values(), strict=True)
    if connection.vendor == "postgresql":
        typed = ", ".join(f"{name} {fields[name].db_type(connection)}" for name in listed)
        text = as_json([*listed], rows)
        return f"WITH given AS (SELECT * FROM json_to_recordset(%s) AS given ({typed}))", [text]  # noqa: S608
    own = [fields[name] for name in listed]
    values = [adapted(one, value) for row in rows for one, value in zip(own, row, strict=True)]
    mark = "(" + ", ".join(["%s"] * len(listed)) + ")"
    listing = ", ".join([mark] * (len(values) // len(listed)))
    return f"WITH given ({names}) AS (VALUES {listing})", values


@lru_cache(maxsize=1)
def _fields() -> "dict[str, Field[Any, Any]]":
    return {field.attname: field for field in Message._meta.concrete_fields}
