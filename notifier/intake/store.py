"""The one statement of accepting: it finds the recipient and stores the message for them, if they
may get it. Written out: the ORM needs as long to compose it as the database to carry it out, it is
the same every time, and a look-up before it would be a round trip more for every message."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, Field, JSONField, UUIDField

from notifier.intake.kept_connection import on_kept_connection
from notifier.models import Message, Recipient, RecipientState, Suppression

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

_MOMENT = DateTimeField()


def store(message: Message, template_id: int) -> bool:
    """Stores the message for the recipient whom its account and OpenID name, and sets
    `recipient_id`. False: nothing was stored, for there is no such recipient or they refuse it.

    Raises what Django raises: IntegrityError for a second use of an idempotency key.
    """
    statement, own = _statement()
    now = _MOMENT.get_db_prep_save(message.created_at, connection)
    values = [*_values(message, own), message.account_id, message.openid, template_id, now]

    def insert() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()

    row = on_kept_connection(insert)
    if row:
        (message.recipient_id,) = row
    return bool(row)


def store_many(messages: Sequence[Message], template_id: int) -> set[UUID]:
    """Messages of one template with their `recipient_id`, in one statement for each CHUNK; returns
    the ids of those stored. The others' recipients refuse them, or their idempotency key was used.
    """
    stored: set[UUID] = set()
    for start in range(0, len(messages), CHUNK):
        stored.update(_stored(messages[start : start + CHUNK], template_id))
    return stored


CHUNK = 500
"""Rows of a statement: with every column a parameter, below PostgreSQL's 65,535 and SQLite's
32,766."""


def _stored(messages: Sequence[Message], template_id: int) -> Iterator[UUID]:
    own = _own_fields()
    columns = [str(field.column) for _, field in own]
    first = _values(messages[0], own)
    listed = [_values(message, own) for message in messages]
    # What is the same in all rows is no column of the list: it is sent once, and NULLs in a list
    # would lack a type.
    same = [all(row[place] == first[place] for row in listed) for place in range(len(own))]
    places = [place for place, is_same in enumerate(same) if not is_same]
    marks = "(" + ", ".join(["%s"] * (len(places) + 1)) + ")"
    given = ", ".join(["person", *(columns[place] for place in places)])
    values = ", ".join("%s" if same[n] else f"given.{columns[n]}" for n in range(len(own)))
    statement = (
        f"WITH given ({given}) AS (VALUES {', '.join([marks] * len(listed))}) "  # noqa: S608
        f"INSERT INTO {_TABLE} ({', '.join([*columns, *FRESH, 'recipient_id'])}) "
        f"SELECT {', '.join([values, *FRESH.values(), 'r.id'])} "
        f"FROM given JOIN {_RECIPIENT} r ON r.id = given.person WHERE {_FIT} "
        "ON CONFLICT DO NOTHING RETURNING id"
    )
    now = _MOMENT.get_db_prep_save(messages[0].created_at, connection)
    parameters = [
        value
        for message, row in zip(messages, listed, strict=True)
        for value in (message.recipient_id, *(row[place] for place in places))
    ]
    parameters += [value for value, is_same in zip(first, same, strict=True) if is_same]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, template_id, now])
        for (pk,) in cursor.fetchall():
            yield pk if isinstance(pk, UUID) else UUID(pk)


_TABLE = Message._meta.db_table
_RECIPIENT = Recipient._meta.db_table
_FIT = (
    f"r.state = '{RecipientState.FOLLOWING}' AND NOT EXISTS (SELECT 1 "  # noqa: S608 - our own names
    f"FROM {Suppression._meta.db_table} s WHERE s.recipient_id = r.id AND s.template_id = %s "
    "AND (s.until IS NULL OR s.until > %s))"
)


def _values(message: Message, own: "list[tuple[str, Field[Any, Any]]]") -> list[Any]:
    return [
        field.get_db_prep_save(getattr(message, name), connection)
        if isinstance(field, ADAPTED)
        else getattr(message, name)
        for name, field in own
    ]


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
        f"INSERT INTO {_TABLE} ({columns}) SELECT {values} "  # noqa: S608 - our own names
        f"FROM {_RECIPIENT} r WHERE r.account_id = %s AND r.openid = %s AND {_FIT} "
        # The same message: it was stored before its connection broke.
        "ON CONFLICT (id) DO UPDATE SET request_digest = excluded.request_digest "
        "RETURNING recipient_id"
    ), own
