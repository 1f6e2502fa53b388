"""The message log: read only, found by whole ids, never counted, as fast with many rows."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import formats, timezone

from notifier.intake.accept import Origin
from notifier.models import Message, Recipient, State
from notifier.recipients.phones import phone_hash
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import address, follow, html, links, text

LOG = "/admin/notifier/message/"
SEARCHES: dict[str, Callable[[Message], str]] = {
    "id": lambda message: message.id.hex,
    "id with hyphens": lambda message: str(message.id),
    "our user id": lambda message: message.recipient.user_id,
    "OpenID": lambda message: message.openid,
    "WeChat's msgid": lambda message: message.msgid,
    "UnionID": lambda message: message.recipient.unionid,
    "phone": lambda message: "138 0000 0001",
}


def message_to(user_id: str, account: OfficialAccount, **values: object) -> Message:
    template = builders.make_template(account)
    recipient = builders.make_recipient(account, user_id=user_id)
    return builders.set_message(builders.make_message(template, recipient), **values)


def shown(response: HttpResponse) -> set[str]:
    """The ids of the messages that the list links to."""
    assert response.status_code == 200
    return set(re.findall(r"/notifier/message/([0-9a-f-]{36})/change/", html(response)))


def ids(*messages: Message) -> set[str]:
    return {str(message.id) for message in messages}


@pytest.fixture
def two(account: OfficialAccount) -> tuple[Message, Message]:
    wanted = message_to("u-1", account, msgid="412345678901234567")
    named = {"unionid": "oUNION-1", "phone_hash": phone_hash("13800000001")}
    Recipient.objects.filter(pk=wanted.recipient_id).update(**named)
    wanted.recipient.refresh_from_db()
    return wanted, message_to("u-2", account, msgid="412345678901234568")


def test_the_list_tells_of_each_message_what_operators_ask_for(
    root: Client, account: OfficialAccount
) -> None:
    template = builders.make_template(account)
    template.name = "订单发货通知"
    template.save()
    recipient = builders.make_recipient(account, name="李雷")
    origin = Origin(client=builders.make_client(name="shop"))
    message = builders.make_message(template, recipient, origin=origin)
    builders.set_message(message, state=State.FAILED, errcode=43004)
    said = text(root.get(LOG))
    accepted = formats.date_format(timezone.localtime(message.created_at), "m-d H:i:s")
    for part in (accepted, "failed", "订单发货通知 v1", "李*", "43004", "normal", "shop"):
        assert f" {part} " in said, part


def test_an_openid_is_masked_in_the_list(root: Client, account: OfficialAccount) -> None:
    message = message_to("", account)
    page = root.get(LOG)
    assert message.openid not in html(page)
    assert f"{message.openid[:4]}…{message.openid[-4:]}" in text(page)


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_message_is_found_by_each_whole_id(
    root: Client, two: tuple[Message, Message], kind: str
) -> None:
    term = f" {SEARCHES[kind](two[0])} "
    assert shown(root.get(LOG, {"q": term})) == ids(two[0])


@pytest.mark.parametrize("user_id", ["0192f0c1-9d7a-7c3e-8f21-5b1d0c9e7a42", "412345678901234567"])
def test_a_user_id_that_looks_like_another_id_is_found(
    root: Client, account: OfficialAccount, user_id: str
) -> None:
    wanted, _other = message_to(user_id, account), message_to("u-2", account)
    assert shown(root.get(LOG, {"q": user_id})) == ids(wanted)


@pytest.mark.parametrize("term", ["u-", "oTEST", "nobody", "0" * 32, "9" * 18, "%", "'"])
def test_a_search_for_what_is_no_whole_id_finds_nothing(
    root: Client, two: tuple[Message, Message], term: str
) -> None:
    assert shown(root.get(LOG, {"q": term})) == set()


def test_the_list_is_filtered_by_state_and_account(root: Client, account: OfficialAccount) -> None:
    failed = message_to("u-1", account, state=State.FAILED)
    sent = message_to("u-1", builders.make_account(), state=State.SENT)
    assert shown(root.get(LOG, {"state__exact": "failed"})) == ids(failed)
    assert shown(root.get(LOG, {"account__id__exact": sent.account_id})) == ids(sent)
    assert shown(root.get(LOG, {"state__exact": "failed", "q": "u-1"})) == ids(failed)


def test_the_newest_come_first_fifty_on_a_page(root: Client, account: OfficialAccount) -> None:
    first = message_to("u-1", account)
    rest = builders.copies(first, 59)
    newest = sorted(ids(first, *rest), reverse=True)
    assert shown(root.get(LOG)) == set(newest[:50])
    assert shown(root.get(LOG, {"all": ""})) == set(newest[:50])
    older = follow(root, LOG, root.get(LOG), "next")
    assert shown(older) == set(newest[50:])
    assert not links(older, "next")
    assert shown(follow(root, LOG, older, "prev")) == set(newest[:50])


def test_a_page_keeps_the_filters_and_a_row_that_is_gone(
    root: Client, account: OfficialAccount
) -> None:
    failed = message_to("u-1", account, state=State.FAILED)
    rows = builders.copies(failed, 60)
    builders.copies(message_to("u-2", account), 5)
    first = root.get(LOG, {"state__exact": "failed"})
    last_shown = min(shown(first))
    Message.objects.filter(pk=last_shown).delete()
    assert shown(follow(root, LOG, first, "next")) == ids(failed, *rows) - shown(first)


def test_a_page_that_begins_after_nonsense_is_the_first(
    root: Client, account: OfficialAccount
) -> None:
    message = message_to("u-1", account)
    assert shown(root.get(LOG, {"before": "x"})) == ids(message)


def test_a_deep_page_reads_no_row_before_it(root: Client, account: OfficialAccount) -> None:
    builders.copies(message_to("u-1", account), 60)
    page = follow(root, LOG, root.get(LOG), "next")
    assert page.status_code == 200
    assert not [sql for sql in queries(root, LOG + "?before=" + "f" * 32) if "OFFSET" in sql]


@pytest.mark.parametrize(
    ("when", "age", "is_shown"),
    [("hour", 50, True), ("hour", 70, False), ("week", 6 * 1440, True), ("week", 8 * 1440, False)],
)
def test_the_list_is_filtered_by_time(
    root: Client, account: OfficialAccount, when: str, age: int, is_shown: bool
) -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=age)):
        message = message_to("u-1", account)
    assert shown(root.get(LOG, {"when": when})) == (ids(message) if is_shown else set())


def test_between_two_times(root: Client, account: OfficialAccount) -> None:
    with time_machine.travel("2026-11-20T02:00:00Z"):
        message = message_to("u-1", account)
    day = {"created_at_from_0": "2026-11-20", "created_at_from_1": "09:59:59"}
    assert shown(root.get(LOG, day | {"created_at_to_0": "2026-11-21"})) == ids(message)
    assert shown(root.get(LOG, day | {"created_at_from_1": "10:00:01"})) == set()


def test_the_list_is_filtered_by_template_and_errcode(
    root: Client, account: OfficialAccount
) -> None:
    refused = message_to("u-1", account, state=State.FAILED, errcode=43004)
    sent = message_to("u-2", account, state=State.SENT, errcode=0)
    code = refused.version.template.code
    assert shown(root.get(LOG, {"template": code})) == ids(refused)
    assert shown(root.get(LOG, {"errcode": " 43004 "})) == ids(refused)
    assert shown(root.get(LOG, {"errcode": "x"})) == set()
    assert shown(root.get(LOG, {"errcode": ""})) == ids(refused, sent)


def queries(client: Client, where: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(where).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize(
    "query", ["", "?state__exact=failed", "?q=u-1", "?before=" + "f" * 32, "?q=" + "0" * 32]
)
def test_the_message_table_is_never_counted(
    root: Client, account: OfficialAccount, query: str
) -> None:
    builders.copies(message_to("u-1", account), 60)
    about_messages = [sql for sql in queries(root, LOG + query) if "notifier_message" in sql]
    assert about_messages
    assert [sql for sql in about_messages if "COUNT(" in sql.upper()] == []
    assert [sql for sql in about_messages if "LIMIT" not in sql.upper()] == []


@pytest.mark.parametrize("model", ["message", "recipient"])
def test_a_longer_list_asks_the_database_no_more(
    root: Client, account: OfficialAccount, model: str
) -> None:
    where = f"/admin/notifier/{model}/"
    message_to("u-0", account)
    before = len(queries(root, where))
    for number in range(1, 8):
        message_to(f"u-{number}", account)
    assert len(queries(root, where)) == before


def test_the_list_does_not_read_what_was_sent(root: Client, account: OfficialAccount) -> None:
    message_to("u-1", account)
    assert [sql for sql in queries(root, LOG) if "payload" in sql] == []


@pytest.mark.parametrize("view", ["add", "change", "delete"])
def test_a_message_is_never_changed_by_hand(
    root: Client, two: tuple[Message, Message], view: str
) -> None:
    before = list(Message.objects.order_by("id").values())
    where = address("notifier_message", view, *([] if view == "add" else [two[0].pk]))
    answer = root.post(where, {"state": "delivered", "errmsg": "changed", "post": "yes"})
    assert answer.status_code == 403
    assert list(Message.objects.order_by("id").values()) == before


def test_messages_are_not_deleted_from_the_list(root: Client, two: tuple[Message, Message]) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [two[0].pk], "post": "yes"}
    root.post(LOG, chosen)
    assert Message.objects.count() == 2
    assert not LogEntry.objects.exists()


def test_openids_that_differ_in_case_are_two_people(root: Client, account: OfficialAccount) -> None:
    upper, lower = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1", "oabcdefghijklmnopqrstuvwxyz1"
    rows = {one: builders.make_recipient(account, openid=one) for one in (upper, lower)}
    page = root.get("/admin/notifier/recipient/", {"q": upper})
    assert address("notifier_recipient", "change", rows[upper].pk) in html(page)
    assert address("notifier_recipient", "change", rows[lower].pk) not in html(page)


def test_a_recipient_is_found_by_your_user_id(root: Client, account: OfficialAccount) -> None:
    wanted = builders.make_recipient(account, user_id="u-1")
    other = builders.make_recipient(account, user_id="u-12")
    page = html(root.get("/admin/notifier/recipient/", {"q": "u-1"}))
    assert address("notifier_recipient", "change", wanted.pk) in page
    assert address("notifier_recipient", "change", other.pk) not in page
    assert Recipient.objects.count() == 2


@pytest.mark.parametrize("name", ["version", "campaign"])
@pytest.mark.parametrize("given", ["x", "-1", "9" * 18, "9" * 40])
def test_an_address_that_names_no_row_shows_none(root, name, given):
    builders.make_message()
    page = root.get(f"/admin/notifier/message/?{name}={given}")
    assert page.status_code == 200
    assert not page.context["cl"].result_list


def test_slow_calls_are_found(root: Client, two: tuple[Message, Message]) -> None:
    slow, quick = two
    for message, took in ((slow, 3_000), (quick, 2_999)):
        message.events.create(at=timezone.now(), state=State.SENT, attempt=1, duration_ms=took)
    assert shown(root.get(f"{LOG}?call=slow")) == ids(slow)
    assert shown(root.get(LOG)) == ids(slow, quick)


def test_slow_calls_are_found_by_their_own_index(
    root: Client, two: tuple[Message, Message]
) -> None:
    """A filter that reads the events of a million messages would be none."""
    two[0].events.create(at=timezone.now(), state=State.SENT, attempt=1, duration_ms=9_000)
    with CaptureQueriesContext(connection) as queries:
        root.get(f"{LOG}?call=slow")
    (sql,) = [one["sql"] for one in queries if "duration_ms" in one["sql"]]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN'} {sql}")
        plan = str(cursor.fetchall())
    assert "event_slow" in plan
