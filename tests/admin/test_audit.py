"""The audit trail's pages: found by who, what and when; told by field; exported; never changed."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from notifier.acting import Actor
from notifier.audit import append_only
from notifier.audit.record import record
from notifier.models import ApiClient, AuditEntry
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders
from tests.admin.browsing import address, confirm, follow, html, submit, text
from tests.admin.conftest import StaffMaker

LIST = "/admin/notifier/auditentry/"
ANNA = Actor("user", "anna", "192.0.2.7", "request-1")
SHOP = Actor("client", "shop", "192.0.2.8", "request-2")


def entry(action: str = "change", actor: Actor = ANNA, **values: object) -> AuditEntry:
    return record(action, actor=actor, **values)  # type: ignore[arg-type]


def shown(response: HttpResponse) -> set[int]:
    assert response.status_code == 200
    return {int(pk) for pk in re.findall(r"/auditentry/(\d+)/change/", html(response))}


def pks(*entries: AuditEntry) -> set[int]:
    return {one.pk for one in entries}


def page_of(client: Client, one: AuditEntry, **headers: str) -> str:
    return text(client.get(address("notifier_auditentry", "change", one.pk), **headers))


def test_the_list_tells_who_did_what_to_what(root: Client) -> None:
    entry(
        object_type="templates_app.messagetemplate",
        object_name="订单发货通知 (order-shipped)",
        before={"name": "a", "daily_cap": 1},
        after={"name": "b", "daily_cap": 2},
    )
    said = text(root.get(LIST))
    for part in (
        "anna",
        "Changed",
        "Template · 订单发货通知 (order-shipped)",
        "name, most to a person in 24 hours",
        "192.0.2.7",
    ):
        assert part in said, part
    chinese = text(root.get(LIST, headers={"accept-language": "zh-hans"}))
    for part in ("审计日志", "修改", "模板 · 订单发货通知", "变更内容"):
        assert part in chinese, part


@pytest.fixture
def old(db: None, monkeypatch: pytest.MonkeyPatch) -> AuditEntry:
    """Three days ago, before anybody logs in today."""
    now = timezone.now()
    with monkeypatch.context() as then:
        then.setattr(timezone, "now", lambda: now - timedelta(days=3))
        return entry("add", object_type="notifier.recipient", object_id="7")


def test_the_list_is_filtered_by_who_what_and_when(old: AuditEntry, root: Client) -> None:
    new = entry("delete", SHOP, object_type="notifier.apiclient", object_name="shop")
    today, before = timezone.localdate(), timezone.localdate() - timedelta(days=3)
    for filters, found in (
        ({"who": "anna"}, old),
        ({"who": " shop "}, new),
        ({"actor_kind": "client"}, new),
        ({"action": "add"}, old),
        ({"object_type": "notifier.apiclient"}, new),
        ({"object_type": "notifier.recipient", "object_id": "7"}, old),
        ({"day_from": str(before), "day_to": str(before)}, old),
        ({"day_from": str(today)}, new),
        ({"q": "request-1"}, old),
        ({"q": "hop"}, new),
        ({"q": "anna"}, old),
    ):
        assert shown(root.get(LIST, filters)) & pks(old, new) == pks(found), filters
    for filters in ({"who": "ann"}, {"who": "anna", "action": "delete"}):
        assert shown(root.get(LIST, filters)) == set(), filters


def test_pages_follow_each_other_and_nothing_is_counted(root: Client) -> None:
    rows = [entry() for _ in range(60)]
    with CaptureQueriesContext(connection) as captured:
        first = root.get(LIST, {"who": "anna"})
    assert shown(first) == pks(*rows[-50:])
    statements = [query["sql"] for query in captured.captured_queries]
    assert shown(follow(root, LIST, first, "next")) == pks(*rows[:10])
    assert not [one for one in statements if "COUNT(" in one and "auditentry" in one]
    about = [one for one in statements if "notifier_auditentry" in one]
    assert len(about) == 1  # nothing is asked for each row


def test_an_entry_tells_each_field_before_and_after(root: Client) -> None:
    one = entry(
        object_type="templates_app.messagetemplate",
        before={"name": "订单发货通知", "fallback": "", "fallback_on_expiry": True},
        after={"name": "订单已发货通知", "fallback": "email", "fallback_on_expiry": False},
    )
    page = html(root.get(address("notifier_auditentry", "change", one.pk)))
    assert "订单<ins>已</ins>发货通知" in page
    assert "<ins>e-mail to the person</ins>" in page
    assert "<del>Yes</del>" in page
    assert "<ins>No</ins>" in page
    said = page_of(root, one)
    for part in ("name", "fallback", "when its time runs out", "anna", "192.0.2.7", one.hash):
        assert part in said, part


def test_a_list_tells_what_came_and_what_went(root: Client) -> None:
    one = entry(
        object_type="auth.user",
        before={"groups": ["editors", "readers"]},
        after={"groups": ["readers", "senders"]},
    )
    page = html(root.get(address("notifier_auditentry", "change", one.pk)))
    assert "<del>editors" in page
    assert "<ins>senders" in page
    assert "<del>readers" not in page


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("[secret]", "[secret]", "Changed. Secrets are not written down."),
        ("李…", "李…", "Changed; shown masked."),
        ("a\nb", "a\r\nb", "Only blanks or breaks."),
    ],
)
def test_what_looks_alike_is_explained(root: Client, before: str, after: str, said: str) -> None:
    one = entry(object_type="notifier.apiclient", before={"name": before}, after={"name": after})
    assert said in page_of(root, one)


def test_what_is_written_there_is_shown_as_text(root: Client) -> None:
    one = entry(object_name="<script>1</script>", after={"x": "<img src=x>"})
    for where in (LIST, address("notifier_auditentry", "change", one.pk)):
        assert "<script>1" not in html(root.get(where))
        assert "<img src=x>" not in html(root.get(where))


def test_an_entry_leads_to_its_object_while_that_is_there(
    root: Client, account: OfficialAccount
) -> None:
    name = {"object_type": "templates_app.officialaccount", "object_id": account.pk}
    page = address("templates_app_officialaccount", "change", account.pk)
    one, gone = entry(**name), entry(**name | {"object_id": account.pk + 1})
    assert page in html(root.get(address("notifier_auditentry", "change", one.pk)))
    assert "Open it" not in page_of(root, gone)
    for odd in ({"object_type": "old.model", "object_id": "x"}, {"object_type": "notifier.apikey"}):
        assert "Open it" not in page_of(root, entry(**odd))


@pytest.fixture
def tampered(transactional_db: None) -> AuditEntry:
    one = entry(after={"x": 1})
    with connection.cursor() as cursor:
        for statement in append_only.unprotect(connection):
            cursor.execute(statement)
        cursor.execute("UPDATE notifier_auditentry SET actor = 'bo', after = '{\"x\": nothing'")
        for statement in append_only.protect(connection):
            cursor.execute(statement)
    return one


def test_a_row_that_was_tampered_with_says_so(tampered: AuditEntry, root: Client) -> None:
    assert "This row is not as it was written" in page_of(root, tampered)
    assert "This row is not as it was written" not in page_of(root, AuditEntry.objects.latest("id"))


def test_nobody_adds_changes_or_deletes(root: Client) -> None:
    one = entry()
    count = AuditEntry.objects.count()
    assert root.get(f"{LIST}add/").status_code == 403
    for view in ("change", "delete"):
        where = address("notifier_auditentry", view, one.pk)
        assert root.post(where, {"post": "yes", "actor": "bo"}).status_code == 403
    given = {"action": "delete_selected", "_selected_action": [one.pk], "post": "yes"}
    root.post(LIST, given)
    assert AuditEntry.objects.count() == count
    assert AuditEntry.objects.get(pk=one.pk).actor == "anna"
    assert list(Permission.objects.filter(content_type__model="auditentry")) == [
        Permission.objects.get(codename="view_auditentry")
    ]


def test_who_may_not_see_it_sees_nothing_of_it(staff: StaffMaker) -> None:
    one = entry()
    outsider = staff("notifier.view_message")
    export = reverse("admin:notifier_auditentry_export", args=["csv"])
    for where in (LIST, address("notifier_auditentry", "change", one.pk), export):
        assert outsider.get(where).status_code == 403
    assert "Audit trail" not in text(outsider.get("/admin/"))
    auditor = staff("notifier.view_auditentry")
    assert "Audit trail" in text(auditor.get("/admin/"))
    assert one.pk in shown(auditor.get(LIST))
    assert AuditEntry.objects.filter(action="export").count() == 0


def test_the_admins_actions_are_recorded(root: Client, account: OfficialAccount) -> None:
    template = builders.make_template(account)
    person = builders.make_recipient(account, is_test=True)
    service = ApiClient.objects.create(name="shop")
    MessageTemplate.objects.update(held_since=timezone.now())
    confirm(root, address("templates_app_messagetemplate", "release", template.pk))
    confirm(root, address("templates_app_officialaccount", "check_connection", account.pk))
    service.make_key()
    confirm(root, address("notifier_apiclient", "revoke_keys", service.pk))
    root.post(reverse("admin:sending"), {"account": account.pk})
    where = f"{reverse('admin:message-test-send')}?template={template.pk}"
    given = {f"data-{name}": value for name, value in builders.DATA.items()}
    root.post(where, given | {"recipient": person.pk})
    submit(
        root,
        address("notifier_recipient", "change", person.pk),
        "recipient_form",
        email="lilei@example.com",
    )
    told = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert told == [
        "login",
        "release",
        "check_connection",
        "revoke",
        "try_now",
        "test_send",
        "change",
    ]
    assert len(set(AuditEntry.objects.values_list("actor", flat=True))) == 1
    written = "".join(AuditEntry.objects.values_list("after", flat=True))
    assert person.openid not in written
    assert account.app_secret not in written
