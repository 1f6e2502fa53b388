"""Importing recipients in the admin: upload, look, confirm; who may, and what the pages say."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from notifier.dispatch.lanes import queue
from notifier.models import Recipient, RecipientImport
from notifier.recipients.imports import job
from notifier.recipients.imports.files import files
from templates_app.models import OfficialAccount
from tests.admin.browsing import address, faults, html, text
from tests.admin.conftest import StaffMaker

pytestmark = pytest.mark.django_db(transaction=True)
IMPORT = "notifier_recipientimport"
FILE = b"openid,email\noA,a@example.com\noB,wrong\n"


def upload(
    client: Client, account: OfficialAccount, content: bytes = FILE, name: str = "people.csv"
) -> HttpResponse:
    given = {"account": account.pk, "file": SimpleUploadedFile(name, content)}
    return client.post(address(IMPORT, "add"), given, follow=True)


def page(client: Client, **headers: str) -> HttpResponse:
    return client.get(
        address(IMPORT, "change", RecipientImport.objects.latest("pk").pk), headers=headers
    )


def test_from_the_upload_to_the_recipients(root: Client, account: OfficialAccount, work) -> None:
    waiting = upload(root, account)
    assert "Nothing is changed yet." in text(waiting)
    assert 'hx-trigger="every 2s"' in html(waiting)
    work()
    assert page(root, **{"hx-request": "true"}).headers["HX-Refresh"] == "true"
    checked = page(root)
    assert 'hx-trigger="every 2s"' not in html(checked)
    assert "Import 1 rows" in text(checked)
    assert "3 email is not an e-mail address" in text(checked)
    assert not Recipient.objects.exists()
    confirm = address(IMPORT, "confirm", RecipientImport.objects.get().pk)
    assert 'hx-trigger="every 2s"' in html(root.post(confirm, follow=True))
    work()
    assert "Done." in text(page(root))
    assert Recipient.objects.get().email == "a@example.com"
    row = RecipientImport.objects.get()
    assert (row.requested_by, row.confirmed_by) == (row.confirmed_by, row.requested_by)
    assert row.confirmed_by.startswith("root-")


def test_the_job_carries_the_id_alone(root: Client, account: OfficialAccount) -> None:
    upload(root, account)
    (waiting,) = queue("background").jobs
    assert (waiting.args, waiting.kwargs) == ([RecipientImport.objects.get().pk], {})


def test_the_reasons_are_told_in_chinese(root: Client, account: OfficialAccount, work) -> None:
    upload(root, account)
    work()
    shown = text(page(root, **{"accept-language": "zh-hans"}))
    assert "不是有效的邮箱地址" in shown
    assert "is not" not in shown


def test_a_discarded_file_is_gone(root: Client, account: OfficialAccount, work) -> None:
    upload(root, account)
    work()
    row = RecipientImport.objects.get()
    discard = address(IMPORT, "discard", row.pk)
    assert "nothing was imported" in text(root.post(discard, follow=True))
    assert not files.upload(row.pk).exists()
    root.post(address(IMPORT, "confirm", row.pk))
    job.run(row.pk)
    row.refresh_from_db()
    assert (row.state, Recipient.objects.count()) == ("discarded", 0)


def test_the_rows_with_errors_are_downloaded(root: Client, account: OfficialAccount, work) -> None:
    upload(root, account)
    work()
    answer = root.get(address(IMPORT, "errors", RecipientImport.objects.get().pk))
    assert "people-errors.csv" in answer.headers["Content-Disposition"]
    assert b"oB,wrong,3," in b"".join(answer.streaming_content)


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_of_errors_that_is_not_there_is_told(
    root: Client, account: OfficialAccount, gone: bool
) -> None:
    upload(root, account)
    pk = RecipientImport.objects.get().pk + gone
    assert root.get(address(IMPORT, "errors", pk)).status_code == 404


def test_a_file_that_is_too_large_is_refused(root: Client, account: OfficialAccount, settings):
    settings.IMPORT_MAX_BYTES = 1024
    answer = upload(root, account, b"x" * 1025)
    assert "at most 1.0\xa0KB are taken" in faults(answer)["file"]
    assert not RecipientImport.objects.exists()


def test_a_path_in_the_files_name_leads_nowhere(root: Client, account: OfficialAccount) -> None:
    upload(root, account, name="../../x.csv")
    assert RecipientImport.objects.get().file_name == "x.csv"


@pytest.mark.parametrize("view", ["confirm", "discard", "errors"])
def test_who_may_only_see_imports_does_nothing(
    root: Client, staff: StaffMaker, account: OfficialAccount, work, view: str
) -> None:
    upload(root, account)
    work()
    viewer = staff("notifier.view_recipientimport")
    where = address(IMPORT, view, RecipientImport.objects.get().pk)
    assert viewer.post(where).status_code == 403
    assert viewer.get(where).status_code == 403
    assert "Import 1 rows" not in text(page(viewer))
    assert viewer.get(address(IMPORT, "add")).status_code == 403
    assert RecipientImport.objects.get().state == "checked"


def test_the_list_of_recipients_leads_to_the_upload(root: Client, staff: StaffMaker) -> None:
    recipients = address("notifier_recipient", "changelist")
    assert "import-file" in html(root.get(recipients))
    answer = root.get(f"{recipients}import-file/", follow=True)
    assert answer.redirect_chain[-1][0] == address(IMPORT, "add")
    viewer = staff("notifier.view_recipient")
    assert "import-file" not in html(viewer.get(recipients))


def test_nobody_takes_it_up_is_told(root: Client, account: OfficialAccount) -> None:
    upload(root, account)
    RecipientImport.objects.update(created_at="2026-01-01T00:00:00Z")
    assert "worker background" in text(page(root))
