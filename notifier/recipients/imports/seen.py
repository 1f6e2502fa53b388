"""What a file has named already: an OpenID, a user id, a phone or a UnionID stands once in it.

Kept in a temporary file of SQLite's, not in memory: a million rows name up to four million things.
It has nothing to do with the platform's database, and vanishes when it is closed.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

from django.utils.translation import gettext_noop

from notifier.recipients.imports.columns import Columns, Entry
from notifier.recipients.imports.problems import Problem

UNIQUE = {
    "openid": "openid",
    "user_id": "user_id",
    "phone": "phone_hash",
    "unionid": "unionid",
}
"""Our column, and the attribute that must be each recipient's own."""
CACHE_KIB = 16 * 1024
TWICE = gettext_noop("is the same as in row %(row)d")


class Seen:
    def __init__(self, scratch: sqlite3.Connection) -> None:
        self._scratch = scratch

    def repeated(self, entries: Sequence[Entry], columns: Columns) -> Iterator[Problem]:
        """A row that repeats is wrong; the first one counts. Remembers the entries."""
        for column, attribute in UNIQUE.items():
            if column not in columns.places:
                continue
            values = [(_digest(getattr(one, attribute)), one.row) for one in entries]
            named = [pair for pair, one in zip(values, entries, strict=True) if one[_AT[column]]]
            for row, first in self._first_rows(column, named):
                yield Problem(row, columns.header(column), TWICE, {"row": first})

    def _first_rows(self, column: str, named: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """(row, the earlier row that names the same)"""
        marks = ",".join("?" * len(named))
        known = f"SELECT key, row FROM seen_{column} WHERE key IN ({marks})"  # noqa: S608 - our own names
        first: dict[int, int] = dict(self._scratch.execute(known, [key for key, _row in named]))
        fresh = []
        for key, row in named:
            if (earlier := first.setdefault(key, row)) != row:
                yield row, earlier
            else:
                fresh.append((key, row))
        self._scratch.executemany(f"INSERT INTO seen_{column} VALUES (?, ?)", fresh)  # noqa: S608


_AT = {column: Entry._fields.index(attribute) for column, attribute in UNIQUE.items()}


def _digest(value: str) -> int:
    """63 bits: among a million values two are alike once in ten million files."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), "big") >> 1


@contextmanager
def scratch() -> Iterator[Seen]:
    connection = sqlite3.connect("", isolation_level=None)  # "": a temporary file
    try:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA journal_mode = OFF")
        for column in UNIQUE:
            connection.execute(f"CREATE TABLE seen_{column} (key INTEGER PRIMARY KEY, row INTEGER)")
        connection.execute("BEGIN")
        yield Seen(connection)
    finally:
        connection.close()
