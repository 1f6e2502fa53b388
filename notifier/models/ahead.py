"""A clock that is ahead measures what has not happened yet."""

import logging
from datetime import datetime, timedelta

from django.db import connection

log = logging.getLogger(__name__)


def is_ahead(now: datetime, by: timedelta) -> bool:
    """More than `by` ahead of the database's clock. (SQLite has that of the machine.)"""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp() < %s", [now - by])
        found: bool = cursor.fetchone()[0]
    if found:
        log.warning("this machine's clock is ahead of the database's: let both keep NTP's time")
    return found
