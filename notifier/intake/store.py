"""The one statement of accepting: it finds the recipient and stores the message for them, if they
may get it. Written out: the ORM needs as long to compose it as the database to carry it out, it is
the same every time, and a look-up before it would be a round trip more for every message."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
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

MOMENT = DateTimeField()


def store(message: Message, template_id: int) -> bool:
    """Stores the message for the recipient whom its account and OpenID name, and sets
    `recipient_id`. False: nothing was stored, for there is no such recipient or they refuse it.

    Raises what Django raises: IntegrityError for a second use of an idempotency key.
    """
    statement, own = _statement()
    labels = [*labels_of(message.metadata)]
    now = MOMENT.get_db_prep_save(message.created_at, connection)
    values = [adapted(field, getattr(message, name)) for name, field in own]
    values += [message.account_id, message.openid, template_id, now]

    def insert() -> Any:
        if labels and connection.vendor != "postgresql":
            with transaction.atomic():
                row = _one(statement, values)
                store_labels([(message.pk, *one) for one in labels] if row else [])
                return row
        if labels:
            return _one(LABELLED % statement, [*values, as_json(("key", "value"), labels)])
        return _one(statement, values)

    row = on_kept_connection(insert)
    if row:
        message.recipient_id = row[0]
    return bool(row)


def _one(statement: str, values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


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


TABLE = Message._meta.db_table
LABEL = MessageLabel._meta.db_table
LABELLED = (
    f"WITH stored AS (%s), labelled AS (INSERT INTO {LABEL} (message_id, key, value) "  # noqa: S608
    "SELECT stored.id, given.key, given.value FROM stored, json_to_recordset(%%s) "
    "AS given (key text, value text) ON CONFLICT DO NOTHING) SELECT recipient_id FROM stored"
)
"""Around the one statement, which gives (recipient_id, id): no round trip more."""
RECIPIENT = Recipient._meta.db_table
FIT = (
    f"r.state IN ('{RecipientState.FOLLOWING}', '{RecipientState.SANDBOX}') "  # noqa: S608 - our own names
    "AND NOT EXISTS (SELECT 1 "
    f"FROM {Suppression._meta.db_table} s WHERE s.recipient_id = r.id AND s.template_id = %s "
    "AND (s.until IS NULL OR s.until > %s))"
)
"""Of the recipient `r`; the parameters are the template and now. (Who may send to the sandbox was
looked at before.)"""


def until_commit() -> str:
    """Nobody erases the person of a message before it is committed, and the erasing finds it then.
    It costs nothing: checking the foreign key takes the same lock, only later. SQLite has one
    writer at a time."""
    return "FOR KEY SHARE OF r" if connection.vendor == "postgresql" else ""


def adapted(field: "Field[Any, Any]", value: Any) -> Any:
    return field.get_db_prep_save(value, connection) if isinstance(field, ADAPTED) else value


@lru_cache(maxsize=1)
def _own_fields() -> "list[tuple[str, Field[Any, Any]]]":
    fields = [field for field in Message._meta.concrete_fields if field.attname != "recipient_id"]
    return [(field.attname, field) for field in fields if field.attname not in FRESH]


@lru_cache(maxsize=1)
def _statement() -> "tuple[str, list[tuple[str, Field[Any, Any]]]]":
    own = _own_fields()
    columns = ", ".join([str(field.column) for _, field in own] + [*FRESH, "recipient_id"])
    values = ", ".join(["%s"] * len(own) + [*FRESH.values(), "r.id"])
    return (
        f"INSERT INTO {TABLE} ({columns}) SELECT {values} "  # noqa: S608 - our own names
        f"FROM {RECIPIENT} r WHERE r.account_id = %s AND r.openid = %s AND {FIT} {until_commit()} "
        # The same message: it was stored before its connection broke.
        "ON CONFLICT (id) DO UPDATE SET request_digest = excluded.request_digest "
        "RETURNING recipient_id, id"
    ), own
