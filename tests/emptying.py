"""Between two tests every table is emptied, also the audit trail, whose triggers refuse it.

What the last migration made of itself (types, permissions, roles) stays unless the test has changed
it: to make it anew takes ten times as long as all the rest.
"""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.db import connection

from notifier.audit import append_only

MADE = [
    model._meta.db_table for model in (ContentType, Permission, Group, Group.permissions.through)
]
_as_made: list[Any] = []
"""Their rows; empty: they must be made anew."""


def install() -> None:
    """Into Django's `flush`."""
    operations: Any = type(connection.ops)  # of every thread's connection
    statements, make = operations.sql_flush, flush.emit_post_migrate_signal

    def sql_flush(self: Any, style: Any, tables: list[str], **kwargs: Any) -> list[str]:
        if _made() != _as_made:
            _as_made.clear()
        stays = MADE if _as_made else []
        tables = [table for table in tables if table not in stays]
        if connection.vendor == "postgresql":
            # It needs a sixth of a second to truncate every table; to delete the few rows it needs
            # ten milliseconds.
            emptied = [
                "SET session_replication_role = replica",  # no trigger and no foreign key
                *(f'DELETE FROM "{table}"' for table in tables),  # noqa: S608
                "SET session_replication_role = DEFAULT",
            ]
        else:
            emptied = statements(self, style, tables, **kwargs)
        # A test may have left them away.
        return [*append_only.unprotect(connection), *emptied, *append_only.protect(connection)]

    def make_unless_it_stays(*args: Any, **kwargs: Any) -> None:
        if not _as_made:
            make(*args, **kwargs)
            _as_made[:] = _made()

    operations.sql_flush = sql_flush
    flush.emit_post_migrate_signal = make_unless_it_stays


def _made() -> list[Any]:
    with connection.cursor() as cursor:
        found = []
        for table in MADE:
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY id')  # noqa: S608 - our own name
            found.append(cursor.fetchall())
    return found
