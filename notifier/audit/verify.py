"""Is the audit trail as it was written? Reads it in the chain's order, row by row, in constant
memory, and names what was altered, removed or inserted.

A row tells two things: its hash, made of its content and of `previous`; and `previous`, the hash
of the row before it. So an altered row is told from one that something was taken out before. Only
an anchor kept elsewhere can show that the newest rows were cut off, or that all was made anew.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from notifier.audit.anchors import Anchor
from notifier.audit.chain import digest
from notifier.models import AuditEntry
from notifier.models.audit import FIRST

BATCH = 1000
REMEMBERED = 1000
"""How many rows inserted in one place are told from a removal."""
UNREADABLE = datetime.min


class Verification:
    """Iterate over `problems()` to the end; then `rows` and `last` say what was seen."""

    def __init__(self, start: Anchor | None = None, anchors: list[Anchor] | None = None) -> None:
        self.rows = 0
        self.last = start
        self._start = start
        self._anchors = {(one.day, one.number): one for one in anchors or []}
        # (hash, name) of the rows just before, the nearest last.
        self._links = deque([(start.hash if start else FIRST, "")], REMEMBERED)

    def problems(self) -> Iterator[str]:
        altered = ""  # the row before, unless this one shows that it was inserted
        for row in _rows(self._start):
            self.rows += 1
            intact = _is_intact(row)
            missing = self._gap(row)
            broken = intact and row.previous != self._links[-1][0]
            inserted = self._after(row.previous) if broken else []
            if inserted:  # the chain goes on as if they were not there
                yield from (f"{name} was inserted" for name in inserted)
            elif altered:
                yield altered
            if missing:
                yield missing
            elif broken and not inserted and not altered:
                yield self._rewritten(row)
            altered = "" if intact else f"{name_of(row)} was altered"
            yield from self._anchored(row)
            self._links.append((row.hash, name_of(row)))
            self.last = Anchor(row.day, row.number, row.hash)
        if altered:
            yield altered
        for one in self._anchors.values():
            yield f"row {one.number} of {one.day}, whose anchor was given, was removed"

    def _gap(self, row: AuditEntry) -> str:
        same_day = self.last is not None and self.last.day == row.day
        first = self.last.number + 1 if self.last and same_day else 1
        last = row.number - 1
        if last < first:
            return ""
        if last == first:
            return f"row {first} of {row.day} was removed"
        return f"rows {first} to {last} of {row.day} were removed"

    def _after(self, previous: str) -> list[str]:
        """The names of the rows after the one with that hash, if it is among those just before."""
        hashes = [one for one, _name in self._links]
        if previous not in hashes:
            return []
        return [name for _hash, name in list(self._links)[hashes.index(previous) + 1 :]]

    def _rewritten(self, row: AuditEntry) -> str:
        name = self._links[-1][1]
        if row.number > 1 and name:
            return f"{name} was rewritten, its hash too"
        return f"what stood before {name_of(row)} was removed or rewritten"

    def _anchored(self, row: AuditEntry) -> Iterator[str]:
        anchor = self._anchors.pop((row.day, row.number), None)
        if anchor and anchor.hash != row.hash:
            yield f"{name_of(row)} does not have the anchor's hash: the chain was made anew"


def name_of(row: AuditEntry) -> str:
    """By what it stands at, not by what it says: that may be altered."""
    return f"row {row.number} of {row.day} (id {row.pk})"


def _is_intact(row: AuditEntry) -> bool:
    try:
        return digest(row) == row.hash
    except (AttributeError, OverflowError, ValueError):  # what is stored is no time
        return False


def _rows(start: Anchor | None) -> Iterator[AuditEntry]:
    """Page by page along the index of (day, number)."""
    rows = AuditEntry.objects.order_by("day", "number")
    at = (start.day, start.number) if start else None
    while True:
        page = rows.filter(Q(day__gt=at[0]) | Q(number__gt=at[1]), day__gte=at[0]) if at else rows
        batch = _readable(page[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        at = (batch[-1].day, batch[-1].number)


def _readable(page: QuerySet[AuditEntry]) -> list[AuditEntry]:
    try:
        return list(page)
    except ValueError:  # SQLite stores a 13th month just as well
        return [_one(pk) for pk in list(page.values_list("pk", flat=True))]


def _one(pk: int) -> AuditEntry:
    try:
        return AuditEntry.objects.get(pk=pk)
    except ValueError:
        row = AuditEntry.objects.defer("day", "at").get(pk=pk)
        for name in ("day", "at"):
            try:
                getattr(row, name)
            except ValueError:
                setattr(row, name, UNREADABLE)
        return row
