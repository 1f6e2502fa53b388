"""hongyan import"""

import pytest

from notifier.acting import login
from notifier.models import AuditEntry, ImportState, Recipient, RecipientImport
from notifier.recipients.imports.files import files
from tests import builders
from tests.console.conftest import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people.csv"
    rows = [f"{builders.openid(str(number))},李{number}" for number in range(5)]
    path.write_text("\n".join(["openid,姓名", *rows]))
    return path


@pytest.fixture
def account():
    return builders.make_account(slug="shop")


def test_a_file_is_imported(run: Run, account, file):
    ran = run("import", file, "--account", "shop", "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert "Done: 5 new, 0 changed." in ran.out
    assert Recipient.objects.filter(account=account).count() == 5
    row = RecipientImport.objects.get()
    assert (row.state, row.requested_by, row.confirmed_by) == ("done", login(), login())
    entry = AuditEntry.objects.get(action="import")
    assert (entry.actor, entry.object_name) == ("hongyan (root)", "people.csv")


def test_a_dry_run_changes_nothing_and_keeps_no_file(run: Run, account, file):
    ran = run("import", file, "--account", "shop", "--dry-run", "--json")
    assert (ran.code, ran.json["rows"], ran.json["new"], ran.json["wrong"]) == (0, 5, 5, 0)
    row = RecipientImport.objects.get()
    assert row.state == ImportState.DISCARDED
    assert not files.upload(row.pk).exists()
    assert not Recipient.objects.exists()
    assert not AuditEntry.objects.exists()


def test_rows_with_errors_are_named_and_kept(run: Run, account, file, tmp_path):
    file.write_text(file.read_text() + "\n,nobody")
    errors = tmp_path / "errors.csv"
    ran = run("import", file, "--account", "shop", "--yes", "--errors", errors)
    assert ran.code == 1
    assert "row 7" in ran.out
    assert "nobody" in errors.read_text("utf-8-sig")
    assert Recipient.objects.count() == 5


def test_nobody_is_asked_without_a_terminal(run: Run, account, file, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    ran = run("import", file, "--account", "shop")
    assert (ran.code, Recipient.objects.count()) == (2, 0)
    assert RecipientImport.objects.get().state == ImportState.DISCARDED


def test_a_file_that_is_none_is_told(run: Run, account, tmp_path):
    assert run("import", tmp_path / "nothing.csv", "--account", "shop").code == 2
    path = tmp_path / "empty.csv"
    path.write_text("name\nx\n")
    ran = run("import", path, "--account", "shop", "--json")
    assert (ran.code, ran.json["exit_code"]) == (1, 1)
    assert "openid" in ran.json["error"]


def test_an_account_that_is_none_is_told(run: Run, file):
    ran = run("import", file, "--account", "nobody")
    assert (ran.code, "nobody" in ran.err) == (2, True)


def test_a_file_that_is_too_large_is_told(run: Run, account, file, settings):
    settings.IMPORT_MAX_BYTES = 10
    ran = run("import", file, "--account", "shop")
    assert (ran.code, "IMPORT_MAX_BYTES" in ran.err) == (2, True)
    assert not RecipientImport.objects.exists()
