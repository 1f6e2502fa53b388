"""What Django raises while the database is away, or leads to a server that takes no writes."""

from django.db import InterfaceError, InternalError, OperationalError, connection

AWAY = (OperationalError, InterfaceError, InternalError)
"""InternalError: a server that is read-only since a failover refuses every change with it."""


def leave_read_only(error: Exception) -> None:
    """Such a server answers all else, so that its connection would be kept: it is closed, and the
    next one leads to where the database is now."""
    if isinstance(error, InternalError) and not connection.in_atomic_block:
        connection.close()
