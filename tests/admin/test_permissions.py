"""Who may see and do what: outsiders nothing, staff what they were given."""

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from notifier.audit.record import record
from notifier.models import ApiKey, AuditEntry, Message
from templates_app.models import MessageTemplate
from tests import builders
from tests.admin.browsing import address, html, text
from tests.admin.conftest import StaffMaker

LOGIN = "/admin/login/"
SUBMITTED = {"_form_submitted": "True"}
Address = Callable[["World"], str]


class World:
    def __init__(self) -> None:
        self.template: MessageTemplate = builders.make_template()
        self.account = self.template.account
        self.draft = builders.make_version(self.template)
        self.recipient = builders.make_recipient(self.account, user_id="u-1", is_test=True)
        self.message = builders.make_message(self.template, self.recipient)
        self.client = builders.make_client()
        self.client.make_key()
        self.key = self.client.keys.get()
        record("change", object_name="something")


@pytest.fixture
def world(db: None) -> World:
    return World()


def of(model: str, view: str, row: str = "") -> Address:
    return lambda world: address(model, view, *([getattr(world, row).pk] if row else []))


PAGES: dict[str, Address] = {
    "start": lambda world: "/admin/",
    "message log": of("notifier_message", "changelist"),
    "message": of("notifier_message", "change", "message"),
    "test send": lambda world: reverse("admin:message-test-send"),
    "recipients": of("notifier_recipient", "changelist"),
    "recipient": of("notifier_recipient", "change", "recipient"),
    "templates": of("templates_app_messagetemplate", "changelist"),
    "version": of("templates_app_templateversion", "change", "draft"),
    "publish": of("templates_app_templateversion", "publish", "draft"),
    "new version": of("templates_app_messagetemplate", "new_version", "template"),
    "accounts": of("templates_app_officialaccount", "changelist"),
    "account": of("templates_app_officialaccount", "change", "account"),
    "doctor": lambda world: reverse("admin:account-doctor", args=[world.account.pk]),
    "check connection": of("templates_app_officialaccount", "check_connection", "account"),
    "clients": of("notifier_apiclient", "changelist"),
    "new key": of("notifier_apiclient", "new_key", "client"),
    "revoke keys": of("notifier_apiclient", "revoke_keys", "client"),
    "keys": of("notifier_apikey", "changelist"),
    "key": of("notifier_apikey", "change", "key"),
    "rotate a key": of("notifier_apikey", "rotate", "key"),
    "revoke a key": of("notifier_apikey", "revoke", "key"),
    "users": of("auth_user", "changelist"),
    "audit trail": of("notifier_auditentry", "changelist"),
    "audit entry": lambda world: address(
        "notifier_auditentry", "change", AuditEntry.objects.latest("id").pk
    ),
    "audit export": lambda world: reverse("admin:notifier_auditentry_export", args=["csv"]),
    "imports": of("notifier_recipientimport", "changelist"),
    "groups": of("notifier_recipientgroup", "changelist"),
    "segments": of("notifier_segment", "changelist"),
    "segment count": lambda world: reverse("admin:segment-count"),
    "suppressions": of("notifier_suppression", "changelist"),
    "export": lambda world: reverse("admin:recipients-export"),
    "erase": lambda world: reverse("admin:recipient-erase", args=[world.recipient.pk]),
    "reveal": of("notifier_recipient", "reveal", "recipient"),
    "queues": lambda world: reverse("django_rq:home"),
    "profiles": lambda world: reverse("profiles"),
    "profile": lambda world: reverse("profile", args=["0" * 16]),
    "speedscope file": lambda world: reverse("profile-file", args=["0" * 16]),
    "jobs": lambda world: reverse("django_rq:jobs", args=[0]),
    "emptying a queue": lambda world: reverse("django_rq:clear", args=[0]),
}
FOR_ALL_STAFF = {"start"}
ACTIONS = (
    "test send",
    "publish",
    "new version",
    "check connection",
    "new key",
    "revoke keys",
    "rotate a key",
    "revoke a key",
    "export",
    "erase",
    "reveal",
)
EVERYTHING_VIEWED = [
    "notifier.view_message",
    "notifier.view_recipient",
    "notifier.view_recipientimport",
    "notifier.view_recipientgroup",
    "notifier.view_segment",
    "notifier.view_suppression",
    "notifier.view_apiclient",
    "notifier.view_apikey",
    "notifier.view_auditentry",
    "templates_app.view_officialaccount",
    "templates_app.view_messagetemplate",
    "templates_app.view_templateversion",
    "templates_app.view_templatefield",
]


@pytest.mark.parametrize("name", PAGES)
def test_an_anonymous_visitor_is_sent_to_the_login(client: Client, world: World, name: str) -> None:
    for answer in (client.get(PAGES[name](world)), client.post(PAGES[name](world), SUBMITTED)):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(LOGIN)


@pytest.mark.parametrize("name", PAGES)
def test_a_login_that_is_not_staff_is_refused(staff: StaffMaker, world: World, name: str) -> None:
    customer = staff(*EVERYTHING_VIEWED, is_staff=False)
    answer = customer.get(PAGES[name](world))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(LOGIN)


@pytest.mark.parametrize("name", sorted(PAGES.keys() - FOR_ALL_STAFF))
def test_staff_without_a_permission_is_refused(staff: StaffMaker, world: World, name: str) -> None:
    newcomer = staff()
    assert newcomer.get(PAGES[name](world)).status_code == 403
    assert newcomer.post(PAGES[name](world), SUBMITTED).status_code == 403
    assert ApiKey.objects.filter(revoked_at=None).count() == 1
    assert Message.objects.count() == 1
    assert not LogEntry.objects.exists()


def test_who_may_view_all_sees_the_pages(staff: StaffMaker, world: World) -> None:
    viewer = staff(*EVERYTHING_VIEWED)
    seen = PAGES.keys() - set(ACTIONS) - FOR_ALL_STAFF
    seen -= {"users", "queues", "jobs", "emptying a queue"}
    seen -= {"profiles", "profile", "speedscope file"}
    assert {name: viewer.get(PAGES[name](world)).status_code for name in seen} == dict.fromkeys(
        seen, 200
    )


@pytest.mark.parametrize("name", ACTIONS)
def test_who_may_only_view_can_do_nothing(staff: StaffMaker, world: World, name: str) -> None:
    viewer = staff(*EVERYTHING_VIEWED)
    where = PAGES[name](world)
    assert viewer.get(where).status_code == 403
    assert viewer.post(f"{where}?template={world.template.pk}", SUBMITTED).status_code == 403
    world.draft.refresh_from_db()
    assert not world.draft.is_published
    assert world.template.versions.count() == 2
    assert ApiKey.objects.filter(revoked_at=None).count() == 1
    assert Message.objects.count() == 1


@pytest.mark.parametrize("name", ["account", "version", "recipient"])
def test_who_may_only_view_changes_no_row(staff: StaffMaker, world: World, name: str) -> None:
    viewer = staff(*EVERYTHING_VIEWED)
    assert viewer.post(PAGES[name](world), {"name": "Changed"}).status_code == 403


def test_who_may_only_view_is_offered_no_action(staff: StaffMaker, world: World) -> None:
    viewer = staff(*EVERYTHING_VIEWED)
    template = address("templates_app_messagetemplate", "change", world.template.pk)
    pages = [PAGES["account"](world), PAGES["version"](world), template]
    shown = "".join(html(viewer.get(page)) for page in [*pages, "/admin/notifier/message/"])
    for action in ("check-connection", "publish/", "new-version", "test-send"):
        assert action not in shown, action


def test_who_may_send_tests_need_not_see_anything_else(staff: StaffMaker, world: World) -> None:
    sender = staff("notifier.add_message")
    start = sender.get("/admin/")
    assert "Send a test" in text(start)
    assert "Message log" not in text(start)
    assert sender.get(PAGES["test send"](world)).status_code == 200
    assert sender.get(PAGES["message log"](world)).status_code == 403


def test_who_may_send_tests_but_not_see_messages_is_told_that_it_went_off(
    staff: StaffMaker, world: World
) -> None:
    sender = staff("notifier.add_message")
    given = {f"data-{name}": value for name, value in builders.DATA.items()}
    where = f"{PAGES['test send'](world)}?template={world.template.pk}"
    answer = sender.post(where, given | {"recipient": world.recipient.pk}, follow=True)
    assert answer.status_code == 200
    assert "Accepted" in text(answer)
    assert Message.objects.count() == 2


def test_a_login_works_and_leads_to_the_start(client: Client, db: None) -> None:
    User.objects.create_superuser("anna", password="a good password")
    given = {"username": "anna", "password": "a good password"}
    wrong = client.post(LOGIN, given | {"password": "a bad one"})
    assert wrong.status_code == 200
    assert "Please enter the correct username and password" in text(wrong)
    answer = client.post(f"{LOGIN}?next=/admin/", given)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
