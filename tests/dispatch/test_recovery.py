"""The clock: rows of dead workers come back, and lanes with due rows are woken."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.dispatch import clock, lanes
from notifier.dispatch.claim import claim
from notifier.dispatch.recovery import return_expired_leases
from notifier.dispatch.retry import GUARD
from notifier.dispatch.settle import settle
from notifier.models import Message, Priority, State
from notifier.wechat.errors import Kind
from templates_app.models import OfficialAccount
from tests import builders
from tests.dispatch.conftest import answered, claim_one, lane_of, states
from tests.threads import at_once

MINUTE = timedelta(minutes=1)


def test_a_row_whose_lease_ran_out_goes_back_to_its_lane(message):
    claimed = claim_one(message)
    assert return_expired_leases(claimed.lease_until) == {lane_of(message)}
    message.refresh_from_db()
    assert (message.state, message.reason) == (State.QUEUED, "returned")
    assert (message.claimed_by, message.lease_until) == ("", None)
    assert states(message) == [State.SENDING, State.QUEUED]


def test_a_row_whose_worker_lives_is_left(message):
    claimed = claim_one(message)
    assert return_expired_leases(claimed.lease_until - timedelta(seconds=1)) == set()
    message.refresh_from_db()
    assert message.state == State.SENDING


def test_a_returned_row_may_have_been_sent(message):
    now = timezone.now()
    claimed = claim_one(message, now)
    return_expired_leases(claimed.lease_until)
    message.refresh_from_db()
    assert message.in_doubt_since == now


def test_a_row_found_too_late_is_unknown(message):
    now = timezone.now()
    claim_one(message, now)
    assert return_expired_leases(now + GUARD) == set()
    message.refresh_from_db()
    assert (message.state, message.reason) == (State.UNKNOWN, "")


def test_the_result_of_a_worker_thought_dead_is_void(message):
    claimed = claim_one(message)
    return_expired_leases(claimed.lease_until)
    assert settle([answered(claimed)], timezone.now()) == 0
    message.refresh_from_db()
    assert message.state == State.QUEUED


def test_two_clocks_return_a_row_once(message):
    builders.copies(message, 19)
    Message.objects.update(
        state=State.SENDING, lease_until=timezone.now(), in_doubt_since=timezone.now()
    )
    at_once(4, lambda _number: return_expired_leases(timezone.now()))
    counts = [one.events.count() for one in Message.objects.all()]
    assert counts == [1] * 20


def test_the_clock_wakes_the_lane_of_a_returned_row(message):
    claimed = claim_one(message)
    lanes.redis().flushdb()
    clock.tick(claimed.lease_until)
    assert len(lanes.queue("normal")) == 1


@pytest.mark.parametrize("priority", Priority)
def test_a_lane_with_a_due_row_is_found(message, priority):
    builders.set_message(message, priority=priority)
    assert clock.oldest_due(message.due_at).keys() == {lane_of(message)}


def test_every_lane_with_due_rows_is_found(message):
    builders.copies(message, 3)
    builders.set_message(builders.copies(message, 1)[0], priority=Priority.BULK)
    other = builders.make_message()
    found = clock.oldest_due(timezone.now())
    assert found.keys() == {
        lane_of(message),
        lane_of(other),
        lanes.Lane(message.account_id, Priority.BULK),
    }


def test_a_lane_whose_rows_are_not_due_sleeps(message):
    assert clock.oldest_due(message.due_at - MINUTE).keys() == set()


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_rows_that_do_not_wait_wake_nobody(message, state):
    builders.set_message(message, state=state)
    assert clock.oldest_due(timezone.now() + MINUTE).keys() == set()


def test_the_lanes_of_an_inactive_account_sleep(message):
    OfficialAccount.objects.update(is_active=False)
    assert clock.oldest_due(timezone.now()).keys() == set()


def test_what_may_have_arrived_is_repeated_before_a_long_campaign_goes_on(message):
    """Else its guard against doubles would end behind it."""
    doubtful = claim_one(message)
    settle([answered(doubtful, Kind.AMBIGUOUS)], timezone.now(), jitter=lambda: 0.0)
    builders.copies(message, 20)
    Message.objects.exclude(pk=message.pk).update(
        state=State.QUEUED, due_at=message.created_at, in_doubt_since=None, attempts=0
    )
    clock.tick(timezone.now())
    first = claim(lane_of(message), 1, timezone.now()).rows
    assert [one.id for one in first] == [message.pk]


def test_what_is_not_due_yet_is_left_where_it_is(message):
    settle([answered(claim_one(message), Kind.AMBIGUOUS)], timezone.now(), jitter=lambda: 1.0)
    message.refresh_from_db()
    due_at = message.due_at
    clock.tick(timezone.now())
    message.refresh_from_db()
    assert message.due_at == due_at > timezone.now()
