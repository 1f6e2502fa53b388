"""The set-wise statements that the ORM cannot say; each runs on every database we support.

A batch goes to the database as one list: one statement for two hundred rows costs a tenth of two
hundred statements, or of two hundred model instances.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import orjson
from django.db import connection

from notifier.models import Message, MessageEvent, State

_MESSAGE = Message._meta.db_table
_EVENT = MessageEvent._meta.db_table

Row = tuple[uuid.UUID, str, dict[str, Any]]
"""A message, its fence, and what becomes of its columns; all rows of a call name the same ones."""


def avoid(step: Literal["sort", "seqscan"]) -> None:
    """For the rest of the transaction PostgreSQL plans with this step only where
    there is no other way, whatever its statistics say."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL enable_{step} = off")


def take(ids: Sequence[uuid.UUID], fence: str, lease_until: datetime, now: datetime) -> None:
    """The rows become this claim's, with an event for each."""
    if not ids:
        return
    condition, listed = among(ids)
    execute(
        f"UPDATE {_MESSAGE} SET state = %s, claimed_by = %s, lease_until = %s, "  # noqa: S608
        "attempts = attempts + 1, in_doubt_since = COALESCE(in_doubt_since, %s) "
        f"WHERE id {condition}",
        [State.SENDING.value, fence, lease_until, now, *listed],
    )
    execute(
        f"INSERT INTO {_EVENT} (message_id, at, state, attempt, reason, detail) "  # noqa: S608
        f"SELECT id, %s, state, attempts, '', '' FROM {_MESSAGE} WHERE id {condition}",
        [now, *listed],
    )


def update_held(rows: Sequence[Row]) -> dict[uuid.UUID, bool]:
    """Each row its own values, if it is still held under the fence; returns which were, and
    whether a service asked for it."""
    if not rows:
        return {}
    first = rows[0][2]
    same = [name for name in first if all(values[name] == first[name] for _, _, values in rows)]
    own = [name for name in first if name not in same]
    listed = [(pk, fence, *(values[name] for name in own)) for pk, fence, values in rows]
    columns = {"id": "uuid", "fence": "text"} | {name: _types()[name] for name in own}
    given, parameters = as_given(listed, columns)
    sets = ", ".join([f"{name} = %s" for name in same] + [f"{name} = given.{name}" for name in own])
    found = execute(
        f"{given} UPDATE {_MESSAGE} SET {sets} FROM given "  # noqa: S608
        f"WHERE {_MESSAGE}.id = given.id AND {_MESSAGE}.state = %s "
        f"AND {_MESSAGE}.claimed_by = given.fence RETURNING {_MESSAGE}.id, "
        f"{_MESSAGE}.client_id IS NOT NULL",
        [*parameters, *(first[name] for name in same), State.SENDING.value],
    )
    return {
        pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk): bool(asked_for)
        for pk, asked_for in found
    }


def record_results(rows: Sequence[tuple[uuid.UUID, int, int, str | None]], now: datetime) -> None:
    """One event for each updated row: (message, attempt, milliseconds, phases as JSON), the rest is
    the row's. Nothing was tried when the milliseconds are negative."""
    if not rows:
        return
    columns = {"id": "uuid", "attempt": "integer", "ms": "integer", "phases": "text"}
    given, parameters = as_given(rows, columns)
    execute(
        f"{given} INSERT INTO {_EVENT} (message_id, at, state, attempt, reason, errcode, detail, "  # noqa: S608
        "duration_ms, next_at, phases) "
        "SELECT m.id, %s, m.state, given.attempt, m.reason, "
        "CASE WHEN given.ms >= 0 THEN m.errcode END, "
        "CASE WHEN given.ms >= 0 THEN m.errmsg ELSE '' END, "
        "CASE WHEN given.ms >= 0 THEN given.ms END, "
        f"CASE WHEN m.state = %s THEN m.due_at END, {as_jsonb('given.phases')} "
        f"FROM given JOIN {_MESSAGE} m ON m.id = given.id",
        [*parameters, now, State.QUEUED.value],
    )


def as_jsonb(column: str) -> str:
    return f"CAST({column} AS jsonb)" if connection.vendor == "postgresql" else column


def as_given(rows: Sequence[tuple[Any, ...]], columns: Mapping[str, str]) -> tuple[str, list[Any]]:
    """`WITH given (…) AS (…)` and its parameters. `columns`: with PostgreSQL's types.

    PostgreSQL takes the rows as one parameter, and so always the same statement: to take a VALUES
    list with its thousand marks apart for each batch was a fifth of what this process did.
    """
    names = ", ".join(columns)
    if connection.vendor == "postgresql":
        listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return (
            f"WITH given ({names}) AS (SELECT * FROM json_to_recordset(%s::json) AS t ({listed}))",  # noqa: S608
            [orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows]).decode()],
        )
    marks = "(" + ", ".join(["%s"] * len(columns)) + ")"
    listed = ", ".join([marks] * len(rows))
    return f"WITH given ({names}) AS (VALUES {listed})", [value for row in rows for value in row]


@lru_cache(maxsize=1)
def _types() -> dict[str, str]:
    """Of a message's columns."""
    return {str(one.column): str(one.db_type(connection)) for one in Message._meta.concrete_fields}


def among(ids: Collection[uuid.UUID]) -> tuple[str, list[Any]]:
    """A condition and its parameters. PostgreSQL takes a list as one of them: a statement of two
    hundred takes a quarter longer."""
    if connection.vendor == "postgresql":
        return "= ANY(%s)", [list(ids)]
    return f"IN ({', '.join(['%s'] * len(ids))})", list(ids)


def execute(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of its RETURNING, if it has one."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [_adapted(value) for value in parameters])
        return list(cursor.fetchall()) if cursor.description else []


def _adapted(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return Message._meta.pk.get_db_prep_value(value, connection)
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
