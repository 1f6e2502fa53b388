"""Tests go to people who are marked for it alone, and are in no figure."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifier.admin.test_recipients import MOST
from notifier.dispatch.repair import cancel
from notifier.intake import figures
from notifier.intake.accept import Origin
from notifier.intake.resend import resend
from notifier.models import AuditEntry, Message, MessageCount, Recipient, RecipientState, State
from notifier.models.counts import ACCEPTED
from tests import builders
from tests.admin.browsing import address, form, html, submit, text
from tests.admin.conftest import StaffMaker
from tests.conftest import Platform
from tests.dispatch.conftest import fault

PAGE = "/admin/notifier/message/test-send/"
LIST = address("notifier_recipient", "changelist")
LOG = address("notifier_message", "changelist")
GIVEN = {f"data-{name}": value for name, value in builders.DATA.items()}
Work = Callable[[], None]
TEST = Origin(requested_by="ann", is_test=True)


def act(client: Client, action: str, *people: Recipient) -> Any:
    chosen = {"action": action, "_selected_action": [str(one.pk) for one in people]}
    return client.post(LIST, chosen, follow=True)


def marked() -> set[int]:
    return set(Recipient.objects.filter(is_test=True).values_list("pk", flat=True))


def counted() -> int:
    figures.tick(timezone.now())
    return sum(MessageCount.objects.values_list("count", flat=True))


def test_only_the_marked_people_of_the_account_are_offered(root: Client, db: None) -> None:
    template = builders.make_template()
    tester = builders.make_recipient(template.account, name="韩梅梅", is_test=True)
    customer = builders.make_recipient(template.account, name="李雷")
    stranger = builders.make_recipient(builders.make_account(), name="吴恙", is_test=True)
    where = f"{PAGE}?template={template.pk}"
    shown = root.get(where)
    offered = [pk for pk, _name in shown.context["form"].fields["recipient"].choices]
    assert [str(pk) for pk in offered] == ["", str(tester.pk)]
    for other in (customer, stranger):
        answer = root.post(where, GIVEN | {"recipient": other.pk})
        assert "Select a valid choice" in text(answer)
    assert not Message.objects.exists()


def test_the_only_one_is_chosen_already(root: Client, db: None) -> None:
    template = builders.make_template()

    def chosen() -> Any:
        page = root.get(f"{PAGE}?template={template.pk}")
        return page.context["form"]["recipient"].subwidgets[-1].data["selected"]

    builders.make_recipient(template.account, is_test=True)
    assert chosen()
    builders.make_recipient(template.account, is_test=True)
    assert not chosen()


def test_where_nobody_is_marked_the_page_says_how(
    root: Client, staff: StaffMaker, db: None
) -> None:
    template = builders.make_template()
    where = f"{PAGE}?template={template.pk}"
    page = root.get(where)
    assert "has no test recipient yet" in text(page)
    assert f"{LIST}?account__id__exact={template.account_id}" in html(page)
    assert 'name="recipient"' not in html(page)
    assert "Ask somebody who keeps the recipients" in text(staff("notifier.add_message").get(where))


def test_people_are_marked_on_their_page(root: Client, db: None) -> None:
    person = builders.make_recipient(builders.make_account())
    where = address("notifier_recipient", "change", person.pk)
    submit(root, where, "recipient_form", is_test="on")
    assert marked() == {person.pk}
    assert form(root.get(where), "recipient_form")["is_test"] == "on"


def test_people_are_marked_in_the_list(root: Client, staff: StaffMaker, db: None) -> None:
    account = builders.make_account()
    one, two, erased = (
        builders.make_recipient(account, state=state)
        for state in (RecipientState.FOLLOWING, RecipientState.REFUSED, RecipientState.ERASED)
    )
    assert "People changed: 2." in text(act(root, "mark_test", one, two, erased))
    assert marked() == {one.pk, two.pk}
    assert AuditEntry.objects.filter(action="change", object_type="notifier.recipient").count() == 2
    assert len(root.get(f"{LIST}?is_test__exact=1").context["cl"].result_list) == 2
    act(root, "unmark_test", two)
    assert marked() == {one.pk}
    act(staff("notifier.view_recipient"), "unmark_test", one)
    assert marked() == {one.pk}


def test_a_slip_of_the_hand_marks_nobody(root: Client, db: None) -> None:
    account = builders.make_account()
    rows = [Recipient(account=account, openid=builders.openid()) for _ in range(MOST + 1)]
    people = Recipient.objects.bulk_create(rows)
    assert f"at most {MOST}" in text(act(root, "mark_test", *people))
    assert marked() == set()


def test_a_test_is_in_no_figure(root: Client, platform: Platform, work: Work) -> None:
    person = platform.recipient(is_test=True)
    root.post(f"{PAGE}?template={platform.template.pk}", GIVEN | {"recipient": person.pk})
    message = Message.objects.get()
    assert message.is_test
    work()
    message.refresh_from_db()
    assert message.state == State.SENT
    assert counted() == 0


def test_a_refused_or_cancelled_test_is_in_no_figure(platform: Platform, work: Work) -> None:
    fault(platform, errcode=43004, times=1)
    refused = platform.message(origin=TEST)
    work()
    refused.refresh_from_db()
    assert refused.errcode == 43004
    later = platform.message(origin=TEST)
    cancel([later.pk], "ann", timezone.now())
    assert counted() == 0


def test_a_message_beside_the_tests_is_counted(platform: Platform, work: Work) -> None:
    """To a marked person, too: what a service sends is no test."""
    person = platform.recipient(is_test=True)
    for origin in (TEST, Origin(requested_by="ann")):
        builders.make_message(platform.template, person, origin=origin)
    work()
    figures.tick(timezone.now())
    for state in (ACCEPTED, State.SENT):
        rows = MessageCount.objects.filter(state=state, span="h")
        assert sum(rows.values_list("count", flat=True)) == 1


def test_a_service_cannot_send_a_test(api: Any, db: None) -> None:
    template = builders.make_template()
    person = builders.make_recipient(template.account, is_test=True)
    body = {"template": template.code, "to": person.openid, "data": builders.DATA}
    assert api.post("/api/v1/messages", body, format="json").status_code == 202
    assert not Message.objects.get().is_test


def test_a_test_that_is_sent_as_new_is_a_test(db: None) -> None:
    message = builders.make_message(origin=TEST)
    builders.set_message(message, state=State.FAILED)
    _fates, (copy,) = resend([message.pk], "ann", timezone.now())
    assert Message.objects.get(pk=copy).is_test


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_log_shows_tests_and_finds_them(root: Client, db: None, language: str) -> None:
    root.cookies["django_language"] = language
    template = builders.make_template()
    test, usual = (builders.make_message(template, origin=origin) for origin in (TEST, Origin()))
    word = {"en": "test", "zh-hans": "测试"}[language]
    for where, found in (("1", test), ("0", usual)):
        page = root.get(f"{LOG}?is_test__exact={where}")
        assert list(page.context["cl"].result_list) == [found]
        assert (f'<span class="hy-mark">{word}</span>' in html(page)) == (found == test)
    page = root.get(address("notifier_message", "change", test.pk))
    assert f'<span class="hy-mark">{word}</span>' in html(page)


def test_an_erased_person_is_no_test_recipient_any_more(root: Client, db: None) -> None:
    person = builders.make_recipient(builders.make_account(), is_test=True)
    root.post(address("notifier_recipient", "change", person.pk).replace("change", "erase-data"))
    assert marked() == set()
