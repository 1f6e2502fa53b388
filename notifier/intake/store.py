"""The one INSERT of accepting, written out: the ORM needs as long to compose it as the database to
store it, and it is the same every time."""

from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Field

from notifier.models import Message

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


def store(message: Message) -> None:
    """Raises what Django raises: IntegrityError for a second use of an idempotency key."""
    statement, own = _statement()
    values = [field.get_db_prep_save(getattr(message, name), connection) for name, field in own]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@lru_cache(maxsize=1)
def _statement() -> tuple[str, list[tuple[str, "Field[Any, Any]"]]]:
    fields = Message._meta.concrete_fields
    own = [(field.attname, field) for field in fields if field.attname not in FRESH]
    columns = ", ".join([str(field.column) for _, field in own] + [*FRESH])
    marks = ", ".join(["%s"] * len(own) + [*FRESH.values()])
    return f"INSERT INTO {Message._meta.db_table} ({columns}) VALUES ({marks})", own  # noqa: S608
