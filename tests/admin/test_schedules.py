"""Recurring messages in the admin: when each comes next, and the switch."""

from django.test import Client

from notifier.models import Schedule
from tests import builders
from tests.admin.browsing import address, confirm, text


def test_it_is_seen_paused_and_let_go_on(root: Client) -> None:
    template = builders.make_template()
    person = builders.make_recipient(template.account, name="李雷")
    row = builders.make_schedule(builders.make_client(), template, person)
    page = address("notifier_schedule", "change", row.pk)
    shown = text(root.get(page))
    assert shown.count("09:00") >= 5
    assert "0 9 * * mon" in shown
    assert ("Pause" in shown, "Let it go on" in shown) == (True, False)
    assert "State active" in shown
    confirm(root, address("notifier_schedule", "pause", row.pk))
    row.refresh_from_db()
    assert (row.is_active, row.next_at) == (False, None)
    assert "paused" in text(root.get(address("notifier_schedule", "changelist")))
    shown = text(root.get(page))
    assert ("Pause" in shown, "Let it go on" in shown) == (False, True)
    assert "State paused" in shown
    confirm(root, address("notifier_schedule", "go_on", row.pk))
    assert Schedule.objects.get().next_at is not None
