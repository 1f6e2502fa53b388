"""The one statement of accepting: it finds the recipient and stores the message for them, if they
may get it. Written out: the ORM needs as long to compose it as the database to carry it out, it is
the same every time, and a look-up before it would be a round trip more for every message."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Field, JSONField, UUIDField

from notifier.intake.kept_connection import on_kept_connection
from notifier.models import Message, MessageLabel, Recipient, RecipientState, Suppression
from notifier.models.labels import labels_of

FRESH: dict[str, str] = {
    "state": "'queued'",
    "claimed_by": "''",
    "lease_until": "NULL",
    "attempts": "0",
    "in_doubt_since": "NULL",
    "msgid": "''",
    "errcode": "NULL",
    "errmsg": "''",
    "rid": "''",
    "sent_at": "NULL",
    "receipt_status": "''",
    "receipt_at": "NULL",
}
"""What every accepted message begins with; the rest is its own."""

ADAPTED = (DateTimeField, JSONField, UUIDField)
"""Databases have their own forms of these; numbers and texts are the same everywhere."""


def store(message: Message, template_id: int) -> bool:
    """Stores the message for the recipient whom its account and OpenID name, and sets
    `recipient_id`. False: nothing was stored, for there is no such recipient or they refuse it.

    Raises what Django raises: IntegrityError for a second use of an idempotency key.
    """
    own = message.__dict__
    given, parameters = as_given(OWN, [[own[name] for name in OWN]])
    statement = f"{given} {_insert()}"
    parameters.append(template_id)
    labels = [*labels_of(message.metadata)]

    def insert(database: BaseDatabaseWrapper) -> Any:
        if labels and database.vendor != "postgresql":
            with transaction.atomic():
                row = _one(database, statement, parameters)
                store_labels([(message.pk, *one) for one in labels] if row else [])
                return row
        if labels:
            pairs = as_json(("key", "value"), labels)
            return _one(database, LABELLED % statement, [*parameters, pairs])
        return _one(database, statement, parameters)

    row = on_kept_connection(insert)
    if row:
        own["recipient_id"] = row[0]
    return bool(row)


def _one(database: BaseDatabaseWrapper, statement: str, values: list[Any]) -> Any:
    """PostgreSQL plans the statement once for each connection: else planning takes longer than
    carrying it out (0.7 of 1.3 ms). From its second success on: what fails when it is prepared is
    prepared anew each time, and stays at the server."""
    with database.cursor() as cursor:
        if database.vendor != "postgresql" or not settings.DATABASE_PREPARED_STATEMENTS:
            cursor.execute(statement, values)
            return cursor.fetchone()
        database.connection.prepare_threshold = 1
        try:
            cursor.execute(statement, values)
        finally:
            database.connection.prepare_threshold = None
        return cursor.fetchone()


def as_given(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """`WITH given (…) AS (…)` and its parameters. PostgreSQL gets the rows as one JSON text: the
    statement is short and the same each time, where the driver adapts parameters one by one, and a
    thousand rows of them are parsed anew each time."""
    if connection.vendor == "postgresql":
        is_one = len(rows) == 1
        text = as_json(names, rows)
        return _given_as_json(tuple(names), is_one), [text[1:-1] if is_one else text]
    own = [FIELDS[name] for name in names]
    values = [adapted(one, value) for row in rows for one, value in zip(own, row, strict=True)]
    mark = "(" + ", ".join(["%s"] * len(names)) + ")"
    return f"WITH given ({', '.join(names)}) AS (VALUES {', '.join([mark] * len(rows))})", values


@lru_cache(maxsize=64)
def _given_as_json(names: tuple[str, ...], is_one: bool) -> str:
    """A set is planned as a hundred rows: for one message, all people would be read."""
    typed = ", ".join(f"{name} {FIELDS[name].db_type(connection)}" for name in names)
    function = "json_to_record" if is_one else "json_to_recordset"
    return f"WITH given AS (SELECT * FROM {function}(%s) AS given ({typed}))"  # noqa: S608


def as_json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """For json_to_recordset."""
    return msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode()


def store_labels(rows: Sequence[tuple[UUID, str, str]]) -> None:
    """(message, key, value)"""
    if connection.vendor == "postgresql" and rows:
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {LABEL} (message_id, key, value) SELECT message, key, value "  # noqa: S608
                "FROM json_to_recordset(%s) AS given (message uuid, key text, value text)",
                [as_json(("message", "key", "value"), rows)],
            )
        return
    MessageLabel.objects.bulk_create(
        [MessageLabel(message_id=pk, key=key, value=value) for pk, key, value in rows]
    )


FIELDS = {field.attname: field for field in Message._meta.concrete_fields}
OWN = tuple(name for name in FIELDS if name not in FRESH and name != "recipient_id")
TABLE = Message._meta.db_table
LABEL = MessageLabel._meta.db_table
LABELLED = (
    f"WITH stored AS (%s), labelled AS (INSERT INTO {LABEL} (message_id, key, value) "  # noqa: S608
    "SELECT stored.id, given.key, given.value FROM stored, json_to_recordset(%%s) "
    "AS given (key text, value text) ON CONFLICT DO NOTHING) SELECT recipient_id FROM stored"
)
"""Around the one statement, which gives (recipient_id, id): no round trip more."""
RECIPIENT = Recipient._meta.db_table


def fit(template: str, now: str) -> str:
    """Whether the recipient `r` may get it; of the template's id and the time, their places. (Who
    may send to the sandbox was looked at before.)"""
    return (
        f"r.state IN ('{RecipientState.FOLLOWING}', '{RecipientState.SANDBOX}') "  # noqa: S608 - our own names
        f"AND NOT EXISTS (SELECT 1 FROM {Suppression._meta.db_table} s WHERE s.recipient_id = r.id "
        f"AND s.template_id = {template} AND (s.until IS NULL OR s.until > {now}))"
    )


def until_commit() -> str:
    """Nobody erases the person of a message before it is committed, and the erasing finds it then.
    It costs nothing: checking the foreign key takes the same lock, only later. SQLite has one
    writer at a time."""
    return "FOR KEY SHARE OF r" if connection.vendor == "postgresql" else ""


def adapted(field: "Field[Any, Any]", value: Any) -> Any:
    return field.get_db_prep_save(value, connection) if isinstance(field, ADAPTED) else value


@lru_cache(maxsize=1)
def _insert() -> str:
    columns = ", ".join([*OWN, *FRESH, "recipient_id"])
    values = ", ".join([*(f"given.{name}" for name in OWN), *FRESH.values(), "r.id"])
    return (
        f"INSERT INTO {TABLE} ({columns}) SELECT {values} FROM given "  # noqa: S608 - our own names
        f"JOIN {RECIPIENT} r ON r.account_id = given.account_id AND r.openid = given.openid "
        f"WHERE {fit('%s', 'given.created_at')} {until_commit()} "
        # The same message: it was stored before its connection broke.
        "ON CONFLICT (id) DO UPDATE SET request_digest = excluded.request_digest "
        "RETURNING recipient_id, id"
    )
