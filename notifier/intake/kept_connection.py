"""The first statement of accepting is also the check of a connection that was kept: in place of a
round trip before it, a dead one is replaced when it fails."""

from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

Result = TypeVar("Result")


def on_kept_connection(statement: Callable[[], Result]) -> Result:
    """Runs `statement`, a second time if the connection turns out to be dead: it may have been
    carried out before the connection broke, so it must bear being repeated."""
    connection.health_check_done = True  # type: ignore[attr-defined]  # Django's own flag
    try:
        return statement()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        return statement()
