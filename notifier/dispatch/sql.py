"""The set-wise statements that the ORM cannot say; each runs on every database we support."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from notifier.models import Message, MessageEvent, State

_MESSAGE = Message._meta.db_table
_EVENT = MessageEvent._meta.db_table


def record_claim(ids: Sequence[uuid.UUID], now: datetime) -> None:
    """One event for each claimed row, made by the database from the rows themselves."""
    marks = ", ".join(["%s"] * len(ids))
    statement = (
        f"INSERT INTO {_EVENT} (message_id, at, state, attempt, reason, detail) "  # noqa: S608
        f"SELECT id, %s, %s, attempts, '', '' FROM {_MESSAGE} WHERE id IN ({marks})"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [_time(now), State.SENDING.value, *map(_id, ids)])


def update_each(rows: Sequence[tuple[uuid.UUID, dict[str, Any]]]) -> None:
    """Each row its own values; all rows the same columns. psycopg sends them as one pipeline."""
    if not rows:
        return
    columns = ", ".join(f"{name} = %s" for name in rows[0][1])
    values = [(*map(_adapted, row.values()), _id(pk)) for pk, row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {_MESSAGE} SET {columns} WHERE id = %s", values)  # noqa: S608


def _id(value: uuid.UUID) -> Any:
    return Message._meta.pk.get_db_prep_value(value, connection)


def _time(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def _adapted(value: Any) -> Any:
    return _time(value) if isinstance(value, datetime) else value
