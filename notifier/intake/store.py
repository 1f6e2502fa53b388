"""The one INSERT of accepting, written out: the ORM needs as long to compose it as the database to
store it, and it is the same every time."""

from functools import lru_cache

from django.db import connection

from notifier.models import Message


def store(message: Message) -> None:
    """Raises what Django raises: IntegrityError for a second use of an idempotency key."""
    values = [
        field.get_db_prep_save(getattr(message, field.attname), connection)
        for field in Message._meta.concrete_fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(_statement(), values)


@lru_cache(maxsize=1)
def _statement() -> str:
    columns = [field.column for field in Message._meta.concrete_fields]
    marks = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {Message._meta.db_table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
