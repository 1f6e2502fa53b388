"""Recipients in the admin: masked, revealed, exported, erased, found."""

import csv
import io
import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifier.admin import personal
from notifier.models import (
    AuditEntry,
    Recipient,
    RecipientGroup,
    RecipientImport,
    Segment,
    State,
    Suppression,
)
from notifier.recipients.phones import phone_hash
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import address, faults, form, html, submit, text
from tests.admin.conftest import StaffMaker

RECIPIENT = "notifier_recipient"
FORM = "recipient_form"
EXPORT = "admin:recipients-export"
SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def recipient(account: OfficialAccount) -> Recipient:
    return builders.make_recipient(
        account,
        user_id="u-1",
        name="李雷",
        email="lilei@example.com",
        phone_hash=phone_hash("13800000001"),
        phone_shown="138****0001",
        unionid="uUNIONxxxxxxxxxxxxxxxxxxxxx1",
        attributes={"level": 3, "city": "杭州", "vip": True},
    )


def own(recipient: Recipient, view: str = "change") -> str:
    return address(RECIPIENT, view, recipient.pk)


def reveal(client: Client, recipient: Recipient) -> None:
    assert client.post(own(recipient, "reveal"), SUBMITTED).status_code == 200


def test_the_page_shows_masked_data(root: Client, recipient: Recipient) -> None:
    shown = text(root.get(own(recipient)))
    for part in ("李*", "l***@example.com", "138****0001", "uUNI…xxx1", "city: ***"):
        assert part in shown, part
    assert "杭州" not in shown
    assert not AuditEntry.objects.filter(action="reveal").exists()


def test_revealing_is_recorded_and_ends(
    root: Client, recipient: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = builders.make_recipient(recipient.account, name="韩梅梅")
    reveal(root, recipient)
    assert form(root.get(own(recipient)), FORM)["name"] == "李雷"
    assert "city: 杭州 level: 3 vip: true" in text(root.get(own(recipient)))
    assert "韩梅梅" not in html(root.get(own(other)))
    entry = AuditEntry.objects.get(action="reveal")
    assert entry.object_id == str(recipient.pk)
    assert "李雷" not in entry.object_name + entry.after
    now = personal.time.time()
    monkeypatch.setattr(personal.time, "time", lambda: now + personal.SECONDS + 1)
    assert "李雷" not in html(root.get(own(recipient)))


def test_another_session_sees_nothing_of_it(
    root: Client, staff: StaffMaker, recipient: Recipient
) -> None:
    reveal(root, recipient)
    other = staff("notifier.view_recipient", "notifier.reveal_recipient")
    assert "李雷" not in html(other.get(own(recipient)))


def test_a_masked_form_saves_nothing_masked(root: Client, recipient: Recipient) -> None:
    submit(root, own(recipient), FORM, user_id="u-2")
    recipient.refresh_from_db()
    assert (recipient.user_id, recipient.name) == ("u-2", "李雷")
    assert recipient.email == "lilei@example.com"


def test_data_that_a_masked_form_is_sent_are_not_taken(
    staff: StaffMaker, recipient: Recipient
) -> None:
    editor = staff("notifier.view_recipient", "notifier.change_recipient")
    submit(editor, own(recipient), FORM, name="Other", email="other@example.com")
    recipient.refresh_from_db()
    assert (recipient.name, recipient.email) == ("李雷", "lilei@example.com")


def test_a_form_that_stood_open_too_long_loses_nothing(
    root: Client, recipient: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    reveal(root, recipient)
    values = form(root.get(own(recipient)), FORM) | {"name": "李磊", "phone": "13800000002"}
    now = personal.time.time()
    monkeypatch.setattr(personal.time, "time", lambda: now + personal.SECONDS + 1)
    root.post(own(recipient), values)
    recipient.refresh_from_db()
    assert (recipient.name, recipient.phone_shown) == ("李磊", "138****0002")


@pytest.mark.parametrize(
    ("phone", "told"), [("123", "no phone number"), ("138 0000 0001", "belongs to another")]
)
def test_a_phone_that_cannot_be_is_told(
    root: Client, recipient: Recipient, phone: str, told: str
) -> None:
    given = {"account": recipient.account_id, "openid": "oNEW", "state": "following"}
    answer = root.post(
        address(RECIPIENT, "add"),
        given | {"phone": phone} | {f"suppressions-{one}_FORMS": 0 for one in ("TOTAL", "INITIAL")},
    )
    assert told in faults(answer)["phone"]


@pytest.mark.parametrize(
    "term", ["u-1", "138 0000 0001", "+8613800000001", "uUNIONxxxxxxxxxxxxxxxxxxxxx1"]
)
def test_a_person_is_found_by_any_whole_id(root: Client, recipient: Recipient, term: str) -> None:
    builders.make_recipient(recipient.account, user_id="u-11")
    answer = root.get(address(RECIPIENT, "changelist"), {"q": term})
    assert list(answer.context["cl"].queryset) == [recipient]


def exported(client: Client, **given: object) -> list[dict[str, str]]:
    answer = client.post(reverse(EXPORT), given)
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content)))


def test_an_export_is_masked(staff: StaffMaker, recipient: Recipient) -> None:
    recipient.groups.add(RecipientGroup.objects.create(account=recipient.account, name="会员"))
    clerk = staff("notifier.export_recipient")
    assert "in_full" not in html(clerk.get(reverse(EXPORT)))
    (row,) = exported(clerk, in_full="on")
    assert row["name"] == "李*"
    assert row["email"] == "l***@example.com"
    assert (row["masked_phone"], row["groups"]) == ("138****0001", "会员")
    assert recipient.openid not in str(row)
    assert row["attributes"] == "city;level;vip"


def test_an_export_in_full_is_recorded(root: Client, recipient: Recipient) -> None:
    (row,) = exported(root, in_full="on")
    assert (row["openid"], row["name"]) == (recipient.openid, "李雷")
    assert json.loads(row["attributes"]) == recipient.attributes
    assert AuditEntry.objects.get(action="export").object_name == "in_full=True"


def test_an_export_takes_who_is_asked_for(root: Client, recipient: Recipient) -> None:
    builders.make_recipient(recipient.account, state="unfollowed", user_id="u-2")
    builders.make_recipient(builders.make_account(), user_id="u-3")
    asked = {"account": recipient.account_id, "state": "unfollowed"}
    assert [row["user_id"] for row in exported(root, **asked)] == ["u-2"]
    assert len(exported(root)) == 3


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_of_an_export_is_a_formula(
    root: Client, recipient: Recipient, formula: str
) -> None:
    Recipient.objects.update(name=formula)
    (row,) = exported(root, in_full="on")
    assert row["name"] == f"'{formula}"


def test_who_may_not_export_cannot(staff: StaffMaker) -> None:
    assert staff("notifier.view_recipient").post(reverse(EXPORT), {}).status_code == 403


def test_the_page_of_erasing_says_what_will_happen(root: Client, recipient: Recipient) -> None:
    template = builders.make_template(recipient.account)
    builders.make_message(template, recipient)
    sent = builders.make_message(template, recipient)
    builders.set_message(sent, state=State.SENT)
    page = root.get(reverse("admin:recipient-erase", args=[recipient.pk]))
    assert "Messages emptied 2 of these waiting, cancelled 1" in text(page)
    assert Recipient.objects.get(pk=recipient.pk).name == "李雷"


def test_an_erased_person_is_gone_and_their_messages_stay(
    root: Client, recipient: Recipient
) -> None:
    template = builders.make_template(recipient.account)
    message = builders.make_message(template, recipient)
    answer = root.post(reverse("admin:recipient-erase", args=[recipient.pk]), follow=True)
    assert "are erased" in text(answer)
    recipient.refresh_from_db()
    assert (recipient.name, recipient.openid) == ("", f"erased-{recipient.pk}")
    log = root.get(address("notifier_message", "change", message.pk))
    assert log.status_code == 200
    assert AuditEntry.objects.get(action="erase").object_id == str(recipient.pk)
    again = root.post(reverse("admin:recipient-erase", args=[recipient.pk]))
    assert again.status_code == 404


def test_while_a_message_is_sent_nobody_is_erased(root: Client, recipient: Recipient) -> None:
    message = builders.make_message(builders.make_template(recipient.account), recipient)
    builders.set_message(message, state=State.SENDING)
    answer = root.post(reverse("admin:recipient-erase", args=[recipient.pk]), follow=True)
    assert "Try again in a minute" in text(answer)
    recipient.refresh_from_db()
    assert recipient.name == "李雷"


LISTS = ["recipient", "recipientimport", "recipientgroup", "segment", "suppression"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_no_more_with_more_rows(root: Client, account: OfficialAccount, name: str):
    template = builders.make_template(account)

    def rows(first: int) -> None:
        for number in range(first, first + 5):
            person = builders.make_recipient(account, user_id=f"u-{number}")
            group = RecipientGroup.objects.create(account=account, name=f"g-{number}")
            person.groups.add(group)
            Segment.objects.create(account=account, name=f"s-{number}", group=group)
            RecipientImport.objects.create(account=account, file_name="x.csv", language="en")
            Suppression.objects.create(recipient=person, template=template, since=builders.now())

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            root.get(address(f"notifier_{name}", "changelist"))
        return len(made)

    rows(0)
    queries()
    few = queries()
    rows(5)
    assert queries() == few
