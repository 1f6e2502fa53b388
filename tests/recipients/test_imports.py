"""Imports of recipients: the dry run changes nothing, and what is confirmed is done to its end."""

import random
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import DataError, OperationalError
from django.utils import timezone

from notifier.dispatch.sender import sender
from notifier.models import ImportState, Recipient, RecipientGroup, RecipientImport
from notifier.models.imports import AT_WORK
from notifier.recipients.claims import Claim, Lost
from notifier.recipients.imports import applying, job
from notifier.recipients.imports.columns import Entry
from notifier.recipients.imports.files import files
from tests import builders
from tests.recipients.importing import (
    FILE,
    checked,
    confirm,
    figures,
    imported,
    sentences,
    uploaded,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account():
    return builders.make_account()


def test_the_dry_run_changes_nothing(account):
    builders.make_recipient(account, openid="oB", user_id="u-2", name="Old")
    row = checked(account, FILE)
    assert (row.state, figures(row)) == ("checked", (2, 1, 0, 0))
    assert row.new_groups == ["会员", "杭州"]
    assert list(Recipient.objects.values_list("openid", "name")) == [("oB", "Old")]
    assert not RecipientGroup.objects.exists()


def test_what_is_confirmed_is_stored(account):
    row = imported(account, FILE)
    assert (row.state, figures(row), row.percent) == ("done", (3, 0, 0, 0), 100)
    li = Recipient.objects.get(openid="oA")
    assert (li.account, li.user_id, li.name, li.email) == (account, "u-1", "李雷", "li@example.com")
    assert (li.phone_shown, li.state) == ("138****0001", "following")
    assert sorted(li.groups.values_list("name", flat=True)) == ["会员", "杭州"]


def test_a_phone_number_is_kept_nowhere(account):
    row = imported(account, FILE)
    stored = str(list(Recipient.objects.values())) + str(list(RecipientImport.objects.values()))
    assert "13800000001" not in stored
    assert not files.staged(row.pk).exists()
    assert not files.upload(row.pk).exists()


def test_the_same_file_twice_changes_nothing(account):
    imported(account, FILE)
    before = list(Recipient.objects.order_by("pk").values())
    row = imported(account, FILE)
    assert figures(row) == (0, 0, 3, 0)
    assert list(Recipient.objects.order_by("pk").values()) == before
    assert Recipient.groups.through.objects.count() == 3


def test_an_empty_cell_and_a_missing_column_leave_what_is_there(account):
    builders.make_recipient(account, openid="oA", user_id="u-1", name="李雷", state="unfollowed")
    row = imported(account, "openid,name,email\noA,,li@example.com\n")
    li = Recipient.objects.get()
    assert figures(row) == (0, 1, 0, 0)
    assert (li.user_id, li.name, li.email) == ("u-1", "李雷", "li@example.com")
    assert li.state == "unfollowed"


def test_another_accounts_people_are_not_touched(account):
    elsewhere = builders.make_account()
    other = builders.make_recipient(elsewhere, openid="oA", user_id="u-1", name="Other")
    imported(account, FILE)
    other.refresh_from_db()
    assert (other.name, Recipient.objects.count()) == ("Other", 4)


def test_an_import_that_is_broken_off_goes_on_where_it_was(account, monkeypatch):
    """Killed after the second chunk, after its rows were written and before the commit."""
    monkeypatch.setattr(applying, "CHUNK", 10)
    row = checked(account, "\n".join(["openid,name", *(f"o{n},n{n}" for n in range(35))]))
    confirm(row)
    write, chunks = applying.write, []

    def killed(account_id, plan):
        write(account_id, plan)
        chunks.append(plan)
        if len(chunks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(applying, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        job.run(row.pk)
    assert Recipient.objects.count() == 20
    row.refresh_from_db()
    assert (row.state, row.new) == (ImportState.APPLYING, 20)

    job.run(row.pk)  # another worker, while the lease of the dead one holds
    assert Recipient.objects.count() == 20
    RecipientImport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    job.run(row.pk)
    row.refresh_from_db()
    assert (row.state, figures(row)) == ("done", (35, 0, 0, 0))
    assert Recipient.objects.count() == 35
    assert [len(plan.new) for plan in chunks[3:]] == [10, 5]


def test_a_worker_that_was_taken_for_dead_keeps_nothing(account):
    row = checked(account, FILE)
    confirm(row)
    late = Claim(RecipientImport, row.pk, AT_WORK)
    RecipientImport.objects.update(lease_until=None)
    job.run(row.pk)
    Recipient.objects.update(name="changed since")
    with pytest.raises(Lost):
        applying._store(late, [Entry(2, "oA", name="李雷")], 10)
    assert set(Recipient.objects.values_list("name", flat=True)) == {"changed since"}


def test_the_clock_wakes_what_nobody_works_on(account, work):
    row = uploaded(account, FILE)
    job.tick(timezone.now())
    work()
    row.refresh_from_db()
    assert row.state == "checked"


def test_a_user_id_given_away_between_check_and_import_is_told(account):
    row = checked(account, FILE)
    builders.make_recipient(account, openid="oOTHER12345", user_id="u-1")
    confirm(row)
    job.run(row.pk)
    row.refresh_from_db()
    assert (row.state, figures(row)) == ("done", (2, 0, 0, 1))
    assert "belongs to another recipient" in sentences(row)[0]


def test_what_the_database_refuses_is_no_outage(account, monkeypatch):
    """It is told by its name; an outage is waited for, and nothing ends."""
    for error, ends in ((DataError, "DataError"), (OperationalError, None)):
        row = checked(account, FILE)
        confirm(row)

        def refuses(*_, error=error, **__):
            raise error

        monkeypatch.setattr(applying, "compare", refuses)
        for _ in range(5):
            RecipientImport.objects.filter(pk=row.pk).update(lease_until=None)
            with nullcontext() if ends else pytest.raises(OperationalError):
                job.run(row.pk)
        row.refresh_from_db()
        assert row.state == ("stopped" if ends else "applying")
        assert not ends or row.error[1]["what"] == ends
        monkeypatch.undo()


def test_a_failure_that_stays_stops_and_can_go_on(account, monkeypatch):
    row = checked(account, FILE)
    confirm(row)
    with monkeypatch.context() as broken:
        broken.setattr(applying, "compare", lambda *_, **__: 1 / 0)
        for _ in range(5):
            RecipientImport.objects.update(lease_until=None)
            job.run(row.pk)
    row.refresh_from_db()
    assert (row.state, row.error[1]["what"]) == ("stopped", "ZeroDivisionError")
    RecipientImport.objects.update(state="applying", attempts=0, lease_until=None)
    job.run(row.pk)
    assert Recipient.objects.count() == 3


def test_files_are_private_and_deleted_after_a_time(account, settings):
    row = checked(account, FILE)
    assert [oct(one(row.pk).stat().st_mode)[-3:] for one in (files.upload, files.staged)] == [
        "600",
        "600",
    ]
    job.tick(timezone.now() + timedelta(days=settings.IMPORT_KEEP_DAYS - 1))
    assert files.upload(row.pk).exists()
    job.tick(timezone.now() + timedelta(days=settings.IMPORT_KEEP_DAYS, seconds=1))
    row.refresh_from_db()
    assert not files.upload(row.pk).exists()
    assert (row.state, row.has_files) == ("discarded", False)


def test_random_files_end_as_the_last_word_says(account, monkeypatch):
    """A model in ten lines: each row sets what it gives; the figures add up."""
    monkeypatch.setattr(applying, "CHUNK", 7)
    chance, known = random.Random(4), {}
    for _ in range(4):
        lines = ["openid,name"]
        for number in chance.sample(range(60), 30):
            name = chance.choice(["", "x", "y"])
            lines.append(f"o{number},{name}")
            known[f"o{number}"] = name or known.get(f"o{number}", "")
        row = imported(account, "\n".join(lines))
        assert sum(figures(row)) == 30
    assert dict(Recipient.objects.values_list("openid", "name")) == known


def test_a_worker_that_is_asked_to_stop_leaves_the_rest_to_another(account, monkeypatch):
    monkeypatch.setattr(applying, "CHUNK", 10)
    row = checked(account, "\n".join(["openid", *(f"o{n}" for n in range(25))]))
    confirm(row)
    write = applying.write

    def stops(account_id, plan):
        write(account_id, plan)
        sender().stopping.set()

    monkeypatch.setattr(applying, "write", stops)
    job.run(row.pk)
    row.refresh_from_db()
    assert (row.state, row.new, row.lease_until) == ("applying", 10, None)
    sender().stopping.clear()
    monkeypatch.setattr(applying, "write", write)
    job.run(row.pk)
    row.refresh_from_db()
    assert (row.state, row.new) == ("done", 25)
