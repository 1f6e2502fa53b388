"""hongyan tail"""

import json
import threading

import pytest
from django.db import connection

from notifier.console import tail
from notifier.models import MessageEvent
from tests import builders
from tests.console.conftest import Run

pytestmark = pytest.mark.django_db(transaction=True)


def event(message, state, **values):
    return MessageEvent.objects.create(message=message, state=state, at=builders.now(), **values)


def test_the_last_ones_are_shown_oldest_first(run: Run):
    message = builders.make_message()
    for state in ("sending", "queued", "sending", "failed"):
        event(message, state, errcode=43101 if state == "failed" else None)
    ran = run("tail", "--once", "--lines", 2)
    first, second = ran.out.splitlines()
    assert "sending" in first
    assert "failed" in second
    assert "errcode 43101" in second
    assert message.id.hex in first
    assert message.openid not in ran.out


def test_filters_leave_the_others_out(run: Run):
    mine, other = builders.make_message(), builders.make_message()
    builders.set_message(mine, errcode=43101)
    for message in (mine, other):
        event(message, "sending")
        event(message, "failed")
    account = mine.account.slug
    template = mine.version.template.code
    for option in (["--account", account], ["--template", template], ["--errcode", 43101]):
        lines = run("tail", "--once", "--json", *option).out.splitlines()
        assert {json.loads(line)["id"] for line in lines} == {mine.id.hex}
        assert len(lines) == 2
    found = run("tail", "--once", "--json", "--account", account, "--state", "failed")
    assert [json.loads(line)["state"] for line in found.out.splitlines()] == ["failed"]
    assert run("tail", "--once", "--until", "1h").out == ""


@pytest.mark.parametrize("option", ["--account", "--template", "--client"])
def test_a_name_that_is_nobodys_is_told(run: Run, option):
    ran = run("tail", "--once", option, "nobody")
    assert (ran.code, "nobody" in ran.err) == (2, True)


def test_it_follows_until_it_is_ended(run: Run, monkeypatch):
    message = builders.make_message()
    event(message, "sending")
    looks = []

    def look(_seconds):
        """Between two looks a message goes on; at last somebody presses Ctrl-C."""
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join()

    def meanwhile():
        event(message, "sent")
        connection.close()

    monkeypatch.setattr(tail.time, "sleep", look)
    ran = run("tail", "--json", "--lines", 0)
    assert ran.code == 0
    assert [json.loads(line)["state"] for line in ran.out.splitlines()] == ["sent", "sent"]
