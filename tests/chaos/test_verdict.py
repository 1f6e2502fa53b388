"""The judge of the storms sees each flaw: one that finds nothing proves nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.models import State
from tests.chaos.verdict import Event, Flaw, Story, judge

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
ID = "0" * 32
USUAL = ((0, State.SENDING), (1, State.SENT), (2, State.DELIVERED))


def told(state=State.DELIVERED, events=USUAL, calls=(0.1,), msgid="7"):
    return Story(
        key="k",
        state=state,
        msgid=msgid,
        events=[Event(START + timedelta(seconds=at), to) for at, to in events],
        cards=[
            {"msgid": "7", "delivered": 1, "received_at": START.timestamp() + at} for at in calls
        ],
    )


def flaws(story, accepted=True):
    found = judge({"k": ID} if accepted else {}, {} if story is None else {ID: story})
    return {finding.flaw for finding in found}


def test_a_message_that_went_the_usual_way_is_in_order():
    assert flaws(told()) == set()


@pytest.mark.parametrize(
    ("story", "flaw"),
    [
        (None, Flaw.LOST),
        (told(calls=()), Flaw.LOST),
        (told(calls=(0.1, 1.5)), Flaw.DOUBLED),
        (Story(cards=told().cards), Flaw.STRAY),
        (told(State.SENDING, USUAL[:1]), Flaw.OPEN),
        (told(State.FAILED, (*USUAL[:1], (1, State.FAILED))), Flaw.INCOHERENT),
        (told(msgid="8"), Flaw.INCOHERENT),
        (told(State.SENT), Flaw.INCOHERENT),
        (told(events=(*USUAL, (3, State.QUEUED), *USUAL)), Flaw.INCOHERENT),
        (told(calls=(9,)), Flaw.INCOHERENT),
        (told(calls=(-1,)), Flaw.INCOHERENT),
    ],
    ids=[
        "no row",
        "never delivered",
        "twice",
        "no row, yet at WeChat",
        "not final",
        "failed, yet at WeChat",
        "another msgid",
        "the last event says otherwise",
        "moved on from a final state",
        "called after the lease",
        "called before any claim",
    ],
)
def test_each_flaw_is_seen(story, flaw):
    assert flaw in flaws(story)


def test_a_row_that_nobody_was_told_of_is_seen():
    assert flaws(told(), accepted=False) == {Flaw.STRAY}
