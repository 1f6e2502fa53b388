"""What people do to messages afterwards."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.dispatch.lanes import queue
from notifier.dispatch.repair import Fate, cancel, retry
from notifier.models import FallbackCause, FallbackSend, Reason, State
from tests import builders
from tests.dispatch.conftest import states

ENDED = [State.FAILED, State.EXPIRED, State.CANCELLED]


def test_a_waiting_message_is_cancelled(message):
    assert cancel([message.pk], "ann", timezone.now()) == Counter({Fate.GOES: 1})
    message.refresh_from_db()
    assert message.state == State.CANCELLED
    event = message.events.get()
    assert (event.state, event.detail) == (State.CANCELLED, "ann")


def test_one_that_may_have_been_delivered_becomes_unknown(message):
    builders.set_message(message, in_doubt_since=timezone.now(), reason=Reason.RETRY)
    assert cancel([message.pk], "ann", timezone.now()) == Counter({Fate.RISKY: 1})
    message.refresh_from_db()
    assert (message.state, message.reason) == (State.UNKNOWN, "")


@pytest.mark.parametrize("state", set(State) - {State.QUEUED})
def test_what_does_not_wait_is_left_alone(message, state):
    builders.set_message(message, state=state)
    assert cancel([message.pk], "ann", timezone.now()) == Counter({Fate.TOO_LATE: 1})
    message.refresh_from_db()
    assert (message.state, states(message)) == (state, [])


@pytest.mark.parametrize("state", ENDED)
def test_what_was_never_delivered_is_tried_again(message, state):
    now = timezone.now()
    queue("normal").empty()
    builders.set_message(
        message, state=state, attempts=2, expires_at=now - timedelta(hours=1), errcode=43004
    )
    assert retry([message.pk], "ann", now) == Counter({Fate.GOES: 1})
    message.refresh_from_db()
    assert (message.state, message.reason, message.due_at) == (State.QUEUED, Reason.OPERATOR, now)
    assert message.expires_at > now + timedelta(hours=23)
    event = message.events.get()
    assert (event.reason, event.attempt, event.detail) == (Reason.OPERATOR, 2, "ann")


def test_a_message_tried_again_is_sent(platform, work):
    message = platform.message()
    cancel([message.pk], "ann", timezone.now())
    work()
    retry([message.pk], "ann", timezone.now())
    work()
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.SENT, 1)
    assert len(platform.received()) == 1


@pytest.mark.parametrize(
    ("state", "values"),
    [(State.UNKNOWN, {}), (State.FAILED, {"in_doubt_since": timezone.now()})],
)
def test_what_may_have_been_delivered_only_if_the_risk_is_taken(message, state, values):
    builders.set_message(message, state=state, **values)
    assert retry([message.pk], "ann", timezone.now()) == Counter({Fate.RISKY: 1})
    message.refresh_from_db()
    assert message.state == state
    retry([message.pk], "ann", timezone.now(), with_risk=True)
    message.refresh_from_db()
    assert (message.state, message.in_doubt_since) == (State.QUEUED, None)


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        (State.QUEUED, Fate.ON_ITS_WAY),
        (State.SENDING, Fate.ON_ITS_WAY),
        (State.SENT, Fate.TOO_LATE),
        (State.DELIVERED, Fate.TOO_LATE),
        (State.UNDELIVERED, Fate.TOO_LATE),
    ],
)
def test_what_wechat_has_is_left_alone(message, state, fate):
    builders.set_message(message, state=state)
    assert retry([message.pk], "ann", timezone.now(), with_risk=True) == Counter({fate: 1})
    message.refresh_from_db()
    assert message.state == state


def test_what_went_another_way_is_left_alone(message):
    now = timezone.now()
    builders.set_message(message, state=State.FAILED)
    FallbackSend.objects.create(
        message=message, cause=FallbackCause.REFUSAL, created_at=now, sent_at=now
    )
    assert retry([message.pk], "ann", now) == Counter({Fate.ELSEWHERE: 1})


def test_many_at_once_and_the_counts_add_up(message):
    rows = [message, *builders.copies(message, 600)]
    builders.set_message(rows[0], state=State.SENT)
    fates = cancel([row.pk for row in rows], "ann", timezone.now())
    assert fates == Counter({Fate.GOES: 600, Fate.TOO_LATE: 1})
