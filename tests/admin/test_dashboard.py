"""The first page: is it well, and if not, where?"""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rq import Worker

from notifier.dispatch import gate
from notifier.models import MessageCount, State
from notifier.models.counts import ACCEPTED, ANSWER, Span
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders
from tests.admin.browsing import html, text
from tests.admin.conftest import StaffMaker

INDEX = "/admin/"


def add(template: MessageTemplate, state: str, count: int, errcode: int = 0, **values: int) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    MessageCount.objects.create(
        span=Span.HOUR,
        begins=hour,
        account_id=template.account_id,
        template_id=template.pk,
        state=state,
        errcode=errcode,
        shard=values.pop("shard", 0),
        count=count,
        **values,
    )


@pytest.fixture
def template(account: OfficialAccount) -> MessageTemplate:
    return builders.make_template(account)


def test_today_in_numbers(root: Client, template: MessageTemplate) -> None:
    add(template, ACCEPTED, 120)
    add(template, State.SENT, 70, on_time=99, late=1, waited_ms=120_000)
    add(template, State.SENT, 30, shard=1)
    add(template, State.FAILED, 5)
    add(template, State.EXPIRED, 2)
    add(template, ANSWER, 5, errcode=43004)
    said = text(root.get(INDEX))
    for part in ("120 messages accepted", "100 sent", "5 failed", "2 expired or unknown", "43004"):
        assert part in said, part
    assert "99.0 % were at WeChat within 10 seconds of their time; 1.2 seconds on average" in said
    assert "7 (6.5 %)" in said  # of the template


def test_all_is_well_until_it_is_not(
    root: Client, account: OfficialAccount, running: Worker
) -> None:
    assert "All is well" in text(root.get(INDEX))
    gate.tell(
        account.pk,
        gate.Report(cause="errcode 40125: invalid appsecret"),
        gate.Limits(0, 0, 0),
        timezone.now(),
    )
    said = text(root.get(INDEX))
    assert "Something needs you" in said
    assert "It cannot send" in said


def test_nothing_is_well_while_no_worker_listens(root: Client, account: OfficialAccount) -> None:
    said = text(root.get(INDEX))
    assert "All is well" not in said
    assert "No worker listens to urgent" in said
    assert "The clock does not run." in said


def test_what_waits(root: Client, template: MessageTemplate) -> None:
    message = builders.make_message(template)
    builders.set_message(message, due_at=timezone.now() - timedelta(seconds=90))
    assert re.search(r"the oldest is due for 9\d seconds", text(root.get(INDEX)))


def test_the_figures_lead_to_the_log(root: Client, template: MessageTemplate) -> None:
    add(template, State.FAILED, 5)
    add(template, ANSWER, 5, errcode=43004)
    page = html(root.get(INDEX))
    for link in (
        "?when=today&amp;state__exact=failed",
        "?errcode=43004&amp;when=today",
        f"?template={template.code}&amp;when=today",
    ):
        assert link in page, link
        assert root.get(f"/admin/notifier/message/{link.replace('&amp;', '&')}").status_code == 200


def test_more_messages_ask_the_database_no_more(root: Client, template: MessageTemplate) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            root.get(INDEX)
        about = [
            one["sql"] for one in captured.captured_queries if "notifier_message" in one["sql"]
        ]
        assert not [sql for sql in about if "COUNT(" in sql and '"notifier_message"' in sql]
        return len(captured)

    add(template, State.SENT, 1)
    before = queries()
    for number in range(1, 8):
        add(template, State.SENT, 1, shard=number)
    assert queries() == before


def test_who_may_not_see_messages_sees_none_of_it(staff: StaffMaker) -> None:
    said = text(staff("notifier.view_recipient").get(INDEX))
    assert "All is well" not in said
