"""Settling: results become states, only under the fence of the claim they belong to."""

from datetime import timedelta

import pytest
from django.db import DataError, OperationalError
from django.utils import timezone

from notifier.dispatch import settle as module
from notifier.dispatch.claim import claim
from notifier.dispatch.people import RECIPIENT_STATES
from notifier.dispatch.recovery import return_expired_leases
from notifier.dispatch.settle import settle, settle_surely
from notifier.models import Message, Reason, Recipient, RecipientState, State
from notifier.wechat.errors import Kind, lookup
from tests import builders
from tests.dispatch.conftest import answered, claim_one, lane_of, states

MINUTE = timedelta(minutes=1)


def test_an_accepted_message_is_sent(message):
    now = timezone.now()
    assert settle([answered(claim_one(message, now), seconds=0.0123)], now) == 1
    message.refresh_from_db()
    assert (message.state, message.msgid, message.sent_at) == (State.SENT, "77", now)
    assert (message.claimed_by, message.lease_until, message.in_doubt_since) == ("", None, None)
    assert states(message) == [State.SENDING, State.SENT]
    assert message.events.last().duration_ms == 12


def test_a_refused_message_keeps_what_wechat_said(message):
    claimed = claim_one(message)
    refusal = {"errcode": 47003, "detail": "argument invalid! data.thing2.value", "rid": "6-a-b"}
    settle([answered(claimed, Kind.REQUEST, **refusal)], timezone.now())
    message.refresh_from_db()
    assert (message.state, message.errcode, message.rid) == (State.FAILED, 47003, "6-a-b")
    assert message.errmsg == refusal["detail"]


def test_a_busy_wechat_means_a_retry(message):
    now = timezone.now()
    busy = answered(claim_one(message, now), Kind.SLOW, errcode=-1)
    settle([busy], now, jitter=lambda: 1.0)
    message.refresh_from_db()
    assert (message.state, message.reason, message.attempts) == (State.QUEUED, Reason.RETRY, 1)
    assert message.due_at == message.events.last().next_at == now + timedelta(seconds=4)


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.SLOW, Kind.ACCOUNT])
def test_a_clear_refusal_leaves_no_doubt(message, kind):
    settle([answered(claim_one(message), kind, errcode=-1)], timezone.now())
    message.refresh_from_db()
    assert message.in_doubt_since is None


def test_a_lost_answer_leaves_a_doubt(message):
    now = timezone.now()
    settle([answered(claim_one(message), Kind.AMBIGUOUS)], now)
    message.refresh_from_db()
    assert (message.state, message.in_doubt_since) == (State.QUEUED, now)


def test_a_clear_refusal_does_not_end_an_earlier_doubt(message):
    earlier = timezone.now() - MINUTE
    builders.set_message(message, in_doubt_since=earlier)
    settle([answered(claim_one(message), Kind.SLOW, errcode=-1)], timezone.now())
    message.refresh_from_db()
    assert message.in_doubt_since == earlier


def test_a_row_that_was_not_tried_goes_back_as_it_was(message):
    now = timezone.now()
    settle([answered(claim_one(message, now), None)], now)
    message.refresh_from_db()
    assert (message.state, message.reason, message.attempts) == (State.QUEUED, "returned", 0)
    assert (message.in_doubt_since, message.due_at) == (None, now)


def test_a_row_that_was_not_tried_keeps_an_earlier_doubt(message):
    earlier = timezone.now() - MINUTE
    builders.set_message(message, in_doubt_since=earlier, attempts=3)
    settle([answered(claim_one(message), None)], timezone.now())
    message.refresh_from_db()
    assert (message.in_doubt_since, message.attempts) == (earlier, 3)


@pytest.mark.parametrize("kind", [*Kind, None])
def test_a_result_under_an_old_fence_changes_nothing(message, kind):
    old = claim_one(message)
    builders.set_message(message, state=State.QUEUED)
    claim_one(message)
    before = Message.objects.values().get(), states(message)
    assert settle([answered(old, kind)], timezone.now()) == 0
    assert (Message.objects.values().get(), states(message)) == before


@pytest.mark.parametrize("state", [state for state in State if state is not State.SENDING])
def test_a_result_for_a_row_that_moved_on_changes_nothing(message, state):
    claimed = claim_one(message)
    builders.set_message(message, state=state)
    assert settle([answered(claimed)], timezone.now()) == 0
    message.refresh_from_db()
    assert (message.state, message.msgid) == (state, "")


def test_a_late_result_does_not_mark_the_recipient(message):
    claimed = claim_one(message)
    builders.set_message(message, state=State.QUEUED)
    settle([answered(claimed, Kind.RECIPIENT, errcode=43004)], timezone.now())
    assert Recipient.objects.get().state == RecipientState.FOLLOWING


@pytest.mark.parametrize(("errcode", "state"), RECIPIENT_STATES.items())
def test_a_refusal_marks_the_recipient(message, errcode, state):
    now = timezone.now()
    settle([answered(claim_one(message), Kind.RECIPIENT, errcode=errcode)], now)
    recipient = Recipient.objects.get()
    assert (recipient.state, recipient.state_since) == (state, now)


def test_marks_belong_to_codes_about_recipients():
    assert {lookup(code).kind for code in RECIPIENT_STATES} == {Kind.RECIPIENT}


def test_a_wrong_openid_marks_nobody(message):
    settle([answered(claim_one(message), Kind.RECIPIENT, errcode=40003)], timezone.now())
    assert Recipient.objects.get().state == RecipientState.FOLLOWING


def test_each_row_of_a_batch_gets_its_own_result(message):
    builders.copies(message, 2)
    first, second, third = claim(lane_of(message), 10, timezone.now()).rows
    results = [
        answered(first, msgid="1"),
        answered(second, Kind.REQUEST, errcode=47003),
        answered(third, Kind.RETRY),
    ]
    assert settle(results, timezone.now()) == 3
    stored = dict(Message.objects.values_list("pk", "state"))
    assert stored == {first.id: "sent", second.id: "failed", third.id: "queued"}


def test_a_strange_answer_does_not_keep_the_others_from_being_stored(message):
    builders.copies(message, 1)
    strange, good = claim(lane_of(message), 10, timezone.now()).rows
    refusal = {"errcode": 99999, "detail": "\0" + "文" * 900, "rid": "\0" + "r" * 99}
    results = [
        answered(strange, Kind.UNKNOWN_CODE, msgid="9" * 99, **refusal),
        answered(good),
    ]
    assert settle(results, timezone.now()) == 2
    stored = Message.objects.get(pk=strange.id)
    assert (len(stored.errmsg), len(stored.rid), len(stored.msgid)) == (300, 40, 20)
    assert Message.objects.get(pk=good.id).state == State.SENT


def failing(monkeypatch, times, error):
    """The database fails so many times."""
    real, left = module.sql.update_held, [times]

    def update_held(rows):
        if rows and left[0]:
            left[0] -= 1
            raise error
        return real(rows)

    monkeypatch.setattr(module.sql, "update_held", update_held)


def test_results_wait_for_a_database_that_is_away_for_a_moment(message, monkeypatch):
    failing(monkeypatch, 3, OperationalError("server closed the connection"))
    waits = []
    settle_surely([answered(claim_one(message))], waits.append)
    message.refresh_from_db()
    assert (message.state, len(waits)) == (State.SENT, 3)


def test_a_result_that_is_refused_costs_only_itself(message, monkeypatch):
    copies = builders.copies(message, 7)
    claims = claim(lane_of(message), 10, timezone.now()).rows
    poison = copies[3].pk
    real = module.sql.update_held

    def update_held(rows):
        if poison in [pk for pk, _, _ in rows]:
            raise DataError("value out of range")
        return real(rows)

    monkeypatch.setattr(module.sql, "update_held", update_held)
    settle_surely([answered(one) for one in claims], lambda _seconds: None)
    assert Message.objects.filter(state=State.SENT).count() == 7
    assert Message.objects.get(state=State.SENDING).pk == poison


def test_a_doubt_begins_with_the_attempt_not_with_its_result(message):
    began = timezone.now() - timedelta(seconds=9)
    claimed = claim_one(message)
    settle([answered(claimed, Kind.AMBIGUOUS, began=began.timestamp())], timezone.now())
    message.refresh_from_db()
    assert message.in_doubt_since == began


def test_a_follow_that_came_after_the_call_is_newer(message):
    claimed = claim_one(message)
    began = timezone.now() - timedelta(seconds=5)
    type(message.recipient).objects.update(state_since=timezone.now())
    refusal = answered(claimed, Kind.RECIPIENT, errcode=43004, began=began.timestamp())
    settle([refusal], timezone.now())
    message.recipient.refresh_from_db()
    assert message.recipient.state == RecipientState.FOLLOWING


def test_of_two_claims_in_one_batch_the_later_counts(message):
    """The database was away so long that the first one's lease ran out; both wait to be stored."""
    first = claim_one(message)
    return_expired_leases(first.lease_until)
    second = claim_one(message, first.lease_until)
    both = [answered(first, Kind.RECIPIENT, errcode=43004), answered(second, None)]
    assert settle(both, timezone.now()) == 1
    message.refresh_from_db()
    message.recipient.refresh_from_db()
    assert (message.state, message.recipient.state) == (State.QUEUED, RecipientState.FOLLOWING)
