"""The one statement of accepting: it finds the recipient and stores the message for them, if they
may get it. Written out: the ORM needs as long to compose it as the database to carry it out, it is
the same every time, and a look-up before it would be a round trip more for every message."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
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
    values = [_adapted(field, getattr(message, name)) for name, field in own]
    values += [message.account_id, message.openid, template_id, now]

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
    """What is the same in all rows is sent once, and not in the list: a column of NULLs would lack
    a type there."""
    own = _own_fields()
    raw = zip(*map(attrgetter(*(name for name, _ in own)), messages), strict=True)
    listed: dict[str, Sequence[Any]] = {"person": [one.recipient_id for one in messages]}
    once: dict[str, Any] = {}
    for (_name, field), values in zip(own, raw, strict=True):
        if all(value == values[0] for value in values):
            once[str(field.column)] = _adapted(field, values[0])
        else:
            listed[str(field.column)] = [_adapted(field, value) for value in values]
    mark = "(" + ", ".join(["%s"] * len(listed)) + ")"
    given = [name for name in listed if name != "person"]
    statement = (
        f"WITH given ({', '.join(listed)}) AS (VALUES {', '.join([mark] * len(messages))}) "  # noqa: S608
        f"INSERT INTO {_TABLE} ({', '.join([*given, *once, *FRESH, 'recipient_id'])}) SELECT "
        + ", ".join([*(f"given.{name}" for name in given), *(["%s"] * len(once))])
        + f", {', '.join(FRESH.values())}, r.id FROM given JOIN {_RECIPIENT} r "
        f"ON r.id = given.person WHERE {_FIT} ON CONFLICT DO NOTHING RETURNING id"
    )
    rows = zip(*listed.values(), strict=True)
    now = _MOMENT.get_db_prep_save(messages[0].created_at, connection)
    parameters = [*chain.from_iterable(rows), *once.values(), template_id, now]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        for (pk,) in cursor.fetchall():
            yield pk if isinstance(pk, UUID) else UUID(pk)


_TABLE = Message._meta.db_table
_RECIPIENT = Recipient._meta.db_table
_FIT = (
    f"r.state = '{RecipientState.FOLLOWING}' AND NOT EXISTS (SELECT 1 "  # noqa: S608 - our own names
    f"FROM {Suppression._meta.db_table} s WHERE s.recipient_id = r.id AND s.template_id = %s "
    "AND (s.until IS NULL OR s.until > %s))"
)


def _adapted(field: "Field[Any, Any]", value: Any) -> Any:
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
        f"INSERT INTO {_TABLE} ({columns}) SELECT {values} "  # noqa: S608 - our own names
        f"FROM {_RECIPIENT} r WHERE r.account_id = %s AND r.openid = %s AND {_FIT} "
        # The same message: it was stored before its connection broke.
        "ON CONFLICT (id) DO UPDATE SET request_digest = excluded.request_digest "
        "RETURNING recipient_id"
    ), own
