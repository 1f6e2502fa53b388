"""verify_audit names what was done to the trail by somebody who could drop the triggers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from notifier.audit import append_only, verify
from notifier.audit.anchors import Anchor, newest
from notifier.audit.chain import CONTENT, digest
from notifier.audit.record import record
from notifier.audit.verify import Verification, name_of
from notifier.models import AuditEntry

TABLE = AuditEntry._meta.db_table
Rows = list[AuditEntry]


@contextmanager
def unprotected() -> Iterator[Any]:
    """A cursor of somebody who owns the database, and covers their traces."""
    with connection.cursor() as cursor:
        for statement in append_only.unprotect(connection):
            cursor.execute(statement)
        yield cursor
        for statement in append_only.protect(connection):
            cursor.execute(statement)


def set_column(row: AuditEntry, column: str, value: object) -> None:
    with unprotected() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET {column} = %s WHERE id = %s", [value, row.pk])


def insert(row: AuditEntry, **values: Any) -> AuditEntry:
    forged = AuditEntry(
        **{one.attname: getattr(row, one.attname) for one in row._meta.fields if one.name != "id"}
        | values
    )
    forged.save(force_insert=True)
    return forged


def problems(**given: Any) -> list[str]:
    return list(Verification(**given).problems())


def anchor_of(row: AuditEntry) -> Anchor:
    return Anchor(row.day, row.number, row.hash)


def test_an_untouched_trail_is_right(three_days: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    said = capsys.readouterr().out
    assert "12 rows, all as they were written." in said
    assert f"anchor {newest()}" in said


def test_an_empty_trail_is_right(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    assert capsys.readouterr().out == "0 rows, all as they were written.\n"


@pytest.mark.parametrize("place", [0, 5, 8, 11])
@pytest.mark.parametrize("column", [*CONTENT, "previous", "hash"])
def test_one_changed_byte_names_the_row(three_days: Rows, place: int, column: str) -> None:
    row = three_days[place]
    stored = getattr(row, column)
    set_column(row, column, f"{stored[:-1]}{'x' if stored[-1:] != 'x' else 'y'}")
    assert problems() == [f"{name_of(row)} was altered"]


def test_a_changed_time_names_the_row(three_days: Rows) -> None:
    row = three_days[5]
    set_column(row, "at", "2020-02-02 00:00:00+00:00")
    assert problems() == [f"{name_of(row)} was altered"]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="only SQLite stores such a time")
@pytest.mark.parametrize("value", ["2026-13-26 10:00:00", "yesterday", ""])
def test_what_is_no_time_names_the_row(three_days: Rows, value: str) -> None:
    row = three_days[5]
    set_column(row, "at", value)
    (problem,) = problems()
    assert f"(id {row.pk}) was altered" in problem


def test_blanks_within_the_json_are_a_change(three_days: Rows) -> None:
    row = three_days[5]
    set_column(row, "after", row.after.replace(":", ": "))
    assert problems() == [f"{name_of(row)} was altered"]


def remove(*rows: AuditEntry) -> None:
    with unprotected() as cursor:
        for row in rows:
            cursor.execute(f"DELETE FROM {TABLE} WHERE id = %s", [row.pk])


def test_a_removed_row_is_named(three_days: Rows) -> None:
    remove(three_days[5])
    assert problems() == [f"row 2 of {three_days[5].day} was removed"]


def test_several_removed_rows_are_named(three_days: Rows) -> None:
    remove(*three_days[4:6], three_days[9])
    day = three_days[4].day
    assert problems() == [
        f"rows 1 to 2 of {day} were removed",
        f"row 2 of {three_days[9].day} was removed",
    ]


def test_a_removed_day_is_seen_at_the_next_one(three_days: Rows) -> None:
    remove(*three_days[4:8])
    assert problems() == [f"what stood before {name_of(three_days[8])} was removed or rewritten"]


def test_the_last_row_of_a_day_that_is_removed_is_seen_at_the_next_one(three_days: Rows) -> None:
    remove(three_days[7])
    assert problems() == [f"what stood before {name_of(three_days[8])} was removed or rewritten"]


@pytest.mark.parametrize("is_careful", [True, False])
def test_an_inserted_row_is_named(three_days: Rows, is_careful: bool) -> None:
    """At the end of a day: every other number is taken. Careful: with the right hashes."""
    before = three_days[7]
    forged = AuditEntry(day=before.day, number=5, at=before.at, previous=before.hash)
    insert(before, number=5, previous=before.hash, hash=digest(forged) if is_careful else "0" * 64)
    (problem,) = problems()
    assert problem.startswith(f"row 5 of {before.day} ")
    assert problem.endswith(" was inserted")


def test_an_inserted_row_with_its_own_right_hash_is_named(three_days: Rows) -> None:
    before = three_days[7]
    forged = insert(before, number=5, previous=before.hash, actor="mallory", hash="")
    set_column(forged, "hash", digest(forged))
    assert problems() == [f"{name_of(forged)} was inserted"]


def test_a_row_inserted_among_others_is_named(three_days: Rows) -> None:
    """The numbers after it are moved up; so these rows are altered, and it is what they follow."""
    with unprotected() as cursor:
        cursor.execute(
            f"UPDATE {TABLE} SET number = number + 100 WHERE day = %s AND number > 2",
            [three_days[4].day],
        )
        cursor.execute(
            f"UPDATE {TABLE} SET number = number - 99 WHERE day = %s AND number > 100",
            [three_days[4].day],
        )
    forged = insert(three_days[5], number=3, previous=three_days[5].hash)
    found = problems()
    assert f"{name_of(forged)} was altered" in found
    assert len(found) == 3


def test_an_altered_row_with_a_new_hash_is_named(three_days: Rows) -> None:
    row = three_days[5]
    set_column(row, "actor", "mallory")
    row.refresh_from_db()
    set_column(row, "hash", digest(row))
    assert problems() == [f"{name_of(row)} was rewritten, its hash too"]


def test_two_altered_rows_are_both_named(three_days: Rows) -> None:
    for row in three_days[5:7]:
        set_column(row, "actor", "mallory")
    assert problems() == [f"{name_of(row)} was altered" for row in three_days[5:7]]


def test_a_cut_off_end_is_shown_by_an_anchor(three_days: Rows) -> None:
    anchor = anchor_of(three_days[-1])
    remove(*three_days[-2:])
    assert problems() == []
    assert problems(anchors=[anchor]) == [
        f"row 4 of {anchor.day}, whose anchor was given, was removed"
    ]


def test_a_chain_made_anew_is_shown_by_an_anchor(three_days: Rows) -> None:
    anchor = anchor_of(three_days[-1])
    set_column(three_days[0], "actor", "mallory")
    previous = three_days[0].previous
    for row in three_days:
        row.refresh_from_db()
        row.previous = previous
        previous = digest(row)
        set_column(row, "previous", row.previous)
        set_column(row, "hash", previous)
    assert problems() == []
    (problem,) = problems(anchors=[anchor])
    assert problem == (
        f"{name_of(three_days[-1])} does not have the anchor's hash: the chain was made anew"
    )


def test_an_anchor_can_be_started_from(three_days: Rows) -> None:
    set_column(three_days[0], "actor", "mallory")
    since = Verification(start=anchor_of(three_days[5]))
    assert list(since.problems()) == []
    assert since.rows == 6
    remove(three_days[6])
    assert problems(start=anchor_of(three_days[5])) == [f"row 3 of {three_days[6].day} was removed"]
    wrong = Anchor(three_days[7].day, 4, "0" * 64)
    assert problems(start=wrong) != []


def test_the_command_fails_and_names(three_days: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    set_column(three_days[5], "actor", "mallory")
    with pytest.raises(CommandError, match="1 problem in 12 rows"):
        call_command("verify_audit", anchor=[str(anchor_of(three_days[-1]))])
    assert capsys.readouterr().out == f"{name_of(three_days[5])} was altered\n"


@pytest.mark.parametrize("text", ["", "2026-11-25:17", "2026-11-25:17:abc", "x:1:" + "0" * 64])
def test_what_is_no_anchor_is_told(db: None, text: str) -> None:
    with pytest.raises(CommandError, match="is no anchor"):
        call_command("verify_audit", anchor=[text])


def test_pages_of_the_trail_join(three_days: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "BATCH", 3)
    whole = Verification()
    assert list(whole.problems()) == []
    assert whole.rows == 12
    record("change")
    assert problems() == []
