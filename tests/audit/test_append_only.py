"""The database refuses to change what was recorded, whoever asks."""

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from notifier.audit import append_only
from notifier.models import AuditEntry
from tests.audit.conftest import trail

TABLE = AuditEntry._meta.db_table
STATEMENTS = [
    f"UPDATE {TABLE} SET actor = 'somebody else'",
    f"UPDATE {TABLE} SET after = after",
    f"DELETE FROM {TABLE}",
    f"DELETE FROM {TABLE} WHERE number = 4",
]


def refused(statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_update_and_delete_are_refused(three_days: list[AuditEntry], statement: str) -> None:
    refused(statement)
    assert trail() == three_days


def test_the_orm_is_refused_as_well(three_days: list[AuditEntry]) -> None:
    row = three_days[0]
    row.actor = "somebody else"
    for change in (row.save, row.delete, AuditEntry.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert trail() == three_days


def test_the_databases_ways_to_empty_or_replace_are_refused(three_days: list[AuditEntry]) -> None:
    statement = {
        "postgresql": f"TRUNCATE {TABLE}",
        "sqlite": f"INSERT OR REPLACE INTO {TABLE} SELECT * FROM {TABLE} WHERE number = 1",
    }
    refused(statement[connection.vendor])
    assert trail() == three_days


def test_a_trigger_that_is_gone_is_told(
    three_days: list[AuditEntry], capsys: pytest.CaptureFixture[str]
) -> None:
    statement, *_rest = append_only.unprotect(connection)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(CommandError):
        call_command("verify_audit")
    assert f"the trigger {next(iter(append_only.TRIGGERS[connection.vendor]))} is gone" in (
        capsys.readouterr().out
    )
