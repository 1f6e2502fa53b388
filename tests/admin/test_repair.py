"""Cancel, try again, send as new: asked first, in numbers, and done on a second click."""

import json

import pytest
from django.test import Client

from notifier.models import AuditEntry, Message, State
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import lands_on, text
from tests.admin.conftest import StaffMaker

LOG = "/admin/notifier/message/"
MAY = ("notifier.view_message", "notifier.repair_message")


@pytest.fixture
def rows(account: OfficialAccount) -> list[Message]:
    """Two wait, one failed, one may have been delivered, one was sent."""
    template = builders.make_template(account)
    first = builders.make_message(template)
    states = [State.QUEUED, State.QUEUED, State.FAILED, State.UNKNOWN, State.SENT]
    made = [first, *builders.copies(first, 4)]
    return [builders.set_message(row, state=state) for row, state in zip(made, states, strict=True)]


def post(client: Client, name: str, rows: list[Message], **values: str) -> object:
    chosen = {"action": f"{name}_messages", "_selected_action": [str(row.pk) for row in rows]}
    return client.post(LOG, chosen | values, follow=True)


def state(row: Message) -> str:
    row.refresh_from_db()
    return row.state


def test_cancelling_asks_first_and_says_how_many(staff: StaffMaker, rows: list[Message]) -> None:
    client = staff(*MAY)
    asked = text(post(client, "cancel", rows))
    assert "Messages chosen: 5." in asked
    assert "2 wait and will not be sent" in asked
    assert "3 cannot be cancelled any more" in asked
    assert state(rows[0]) == State.QUEUED
    done = text(post(client, "cancel", rows, confirm="1"))
    assert "Messages done: 2. Left as they are: 3." in done
    assert [state(row) for row in rows[:3]] == [State.CANCELLED, State.CANCELLED, State.FAILED]


def test_a_risk_must_be_taken(staff: StaffMaker, rows: list[Message]) -> None:
    client = staff(*MAY)
    asked = text(post(client, "retry", rows))
    assert "1 were never delivered and are tried again" in asked
    assert "1 may have been delivered: tried again they can arrive twice" in asked
    assert "I take the risk" in asked
    post(client, "retry", rows, confirm="1")
    assert [state(row) for row in rows[2:4]] == [State.QUEUED, State.UNKNOWN]
    post(client, "retry", rows, confirm="1", risk="1")
    assert state(rows[3]) == State.QUEUED


def test_one_sent_as_new_leads_to_the_new_message(staff: StaffMaker, rows: list[Message]) -> None:
    client = staff(*MAY)
    landed = lands_on(post(client, "resend", rows[2:3], confirm="1"))  # type: ignore[arg-type]
    new = Message.objects.latest("id")
    assert landed == f"/admin/notifier/message/{new.pk}/change/"
    assert new.metadata["resend_of"] == rows[2].id.hex


def test_where_nothing_can_be_done_nothing_is_offered(
    staff: StaffMaker, rows: list[Message]
) -> None:
    asked = post(staff(*MAY), "cancel", rows[4:])
    assert "Cancel them" not in text(asked)  # type: ignore[arg-type]


def test_all_that_match_the_filter(staff: StaffMaker, rows: list[Message]) -> None:
    client = staff(*MAY)
    chosen = {
        "action": "cancel_messages",
        "_selected_action": ["0"],
        "select_across": "1",
        "confirm": "1",
    }
    where = LOG + "?state__exact=queued"
    assert "All that match the filters: Cancel" in text(client.get(where))
    assert "All that match" not in text(client.get(LOG))
    assert "All that match" not in text(staff("notifier.view_message").get(where))
    client.post(where, chosen)
    assert [state(row) for row in rows[:3]] == [State.CANCELLED, State.CANCELLED, State.FAILED]


@pytest.mark.parametrize("name", ["cancel", "retry", "resend"])
def test_who_may_only_look_may_not_act(staff: StaffMaker, rows: list[Message], name: str) -> None:
    client = staff("notifier.view_message")
    post(client, name, rows, confirm="1", risk="1")
    before = [State.QUEUED, State.QUEUED, State.FAILED, State.UNKNOWN, State.SENT]
    assert [state(row) for row in rows] == before
    assert Message.objects.count() == 5
    assert "Cancel" not in text(client.get(f"{LOG}{rows[0].pk}/change/"))


def test_a_messages_page_offers_what_can_be_done(staff: StaffMaker, rows: list[Message]) -> None:
    client = staff(*MAY)
    waiting, failed = (text(client.get(f"{LOG}{row.pk}/change/")) for row in (rows[0], rows[2]))
    assert "Cancel" in waiting
    assert "Try again" not in waiting
    assert "Try again" in failed
    assert "Send as new" in failed


def test_the_audit_trail_tells_of_it(staff: StaffMaker, rows: list[Message]) -> None:
    post(staff(*MAY), "cancel", rows, confirm="1")
    entry = AuditEntry.objects.get(action="repair")
    assert (entry.object_name, entry.actor.startswith("staff-")) == ("cancel: 5", True)
    assert json.loads(entry.after) == {"goes": 2, "too_late": 3, "with_risk": False}
