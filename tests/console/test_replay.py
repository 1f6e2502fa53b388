"""hongyan replay"""

import sys

import pytest

from notifier.acting import login
from notifier.models import AuditEntry, Message, State
from tests import builders
from tests.builders import now
from tests.console.conftest import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def messages():
    """Two that failed, one in doubt, one unknown, one expired, one that arrived."""
    first = builders.make_message()
    rows = [first, *builders.copies(first, 5)]
    states = ["failed", "failed", "failed", "unknown", "expired", "delivered"]
    for row, state in zip(rows, states, strict=True):
        builders.set_message(row, state=state, errcode=45009 if row is rows[0] else None)
    builders.set_message(rows[2], in_doubt_since=now())
    return rows


def queued():
    return Message.objects.filter(state=State.QUEUED).count()


def test_a_dry_run_counts_and_changes_nothing(run: Run, messages):
    ran = run("replay", "--dry-run", "--json")
    assert ran.code == 0
    assert (ran.json["found"], ran.json["goes"], ran.json["risky"]) == (3, 2, 1)
    assert queued() == 0
    assert not AuditEntry.objects.exists()


def test_those_never_delivered_are_tried_again(run: Run, messages):
    ran = run("replay", "--yes")
    assert ran.code == 0
    assert "Tried again: 2." in ran.out
    assert queued() == 2
    assert messages[0].events.get().detail == login()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == ("repair", "hongyan (root)")
    assert '"goes":2' in entry.after


def test_the_risk_is_taken_only_when_it_is_asked_for(run: Run, messages):
    ran = run("replay", "--yes", "--with-risk", "--state", "failed", "--state", "unknown", "--json")
    assert (ran.json["tried"], queued()) == (4, 4)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--errcode", "45009"], 1),
        (["--state", "expired"], 1),
        (["--limit", "1"], 1),
        (["--since", "1h"], 2),
        (["--until", "1h"], 0),
    ],
)
def test_filters_choose(run: Run, messages, options, count):
    ran = run("replay", "--yes", *options)
    assert (ran.code, queued()) == (0 if count else 1, count)


def test_one_is_named_by_its_id(run: Run, messages):
    assert run("replay", "--yes", "--id", messages[4].id.hex).code == 0
    messages[4].refresh_from_db()
    assert messages[4].state == State.QUEUED


def test_what_arrived_is_left_alone(run: Run, messages):
    ran = run("replay", "--yes", "--with-risk", "--id", messages[5].id, "--json")
    assert (ran.code, ran.json["too_late"], queued()) == (1, 1, 0)


def test_where_nobody_can_be_asked_it_does_nothing(run: Run, messages, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    ran = run("replay")
    assert (ran.code, queued()) == (2, 0)
    assert "--yes" in ran.err


@pytest.mark.parametrize(("answer", "count"), [("y", 2), ("n", 0), ("", 0)])
def test_it_asks(run: Run, messages, monkeypatch, answer, count):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: answer)
    ran = run("replay")
    assert "Try 2 messages again?" in ran.err
    assert (ran.code, queued()) == (0 if count else 1, count)
