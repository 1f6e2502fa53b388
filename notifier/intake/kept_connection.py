"""The first statement of accepting is also the check of a connection that was kept: in place of a
round trip before it, a dead one is replaced when it fails."""

from collections.abc import Callable
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, InternalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from notifier.models.away import AWAY

Result = TypeVar("Result")


def on_kept_connection(statement: Callable[[BaseDatabaseWrapper], Result]) -> Result:
    """Runs `statement` with the thread's connection, a second time if that turns out to be dead, or
    to lead to a server that is read-only since a failover: it may have been carried out before the
    connection broke, so it must bear being repeated."""
    connection = connections[DEFAULT_DB_ALIAS]  # `django.db.connection` looks it up at each use
    is_kept = connection.connection is not None
    connection.health_check_done = True  # type: ignore[attr-defined]  # Django's own flag
    try:
        return statement(connection)
    except AWAY as error:
        if not is_kept or connection.in_atomic_block:
            raise
        if not isinstance(error, InternalError) and connection.is_usable():
            raise
        connection.close()
        return statement(connection)
