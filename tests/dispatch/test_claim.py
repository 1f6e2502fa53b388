"""Claiming: what becomes a worker's, what is settled instead, and that no two claims meet."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifier.dispatch.claim import claim
from notifier.dispatch.retry import GUARD
from notifier.models import Message, MessageEvent, Priority, State
from templates_app.models import MessageTemplate
from tests import builders
from tests.dispatch.conftest import claim_one, lane_of, states
from tests.threads import at_once

SECOND = timedelta(seconds=1)


def test_a_claimed_row_is_this_workers_until_its_lease_ends(message, settings):
    now = timezone.now()
    claimed = claim_one(message, now)
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.SENDING, 1)
    assert (
        message.lease_until
        == claimed.lease_until
        == now + timedelta(seconds=settings.DISPATCH_LEASE_SECONDS)
    )
    assert message.claimed_by == claimed.fence != ""
    assert states(message) == [State.SENDING]


def test_a_claim_holds_what_the_sender_needs(message):
    claimed = claim_one(message)
    assert claimed.body == message.payload.encode()
    assert (claimed.id, claimed.attempt, claimed.in_doubt_since) == (message.id, 1, None)
    assert (claimed.recipient_id, claimed.expires_at) == (message.recipient_id, message.expires_at)


def test_every_claim_has_a_fence_of_its_own(message):
    first = claim_one(message)
    builders.set_message(message, state=State.QUEUED)
    assert claim_one(message).fence != first.fence


def test_a_claimed_row_may_have_been_sent_from_now_on(message):
    now = timezone.now()
    claim_one(message, now)
    message.refresh_from_db()
    assert message.in_doubt_since == now


def test_an_earlier_doubt_is_kept(message):
    earlier = timezone.now() - timedelta(minutes=1)
    builders.set_message(message, in_doubt_since=earlier)
    assert claim_one(message).in_doubt_since == earlier
    message.refresh_from_db()
    assert message.in_doubt_since == earlier


def test_a_row_that_is_not_due_is_left(message):
    assert claim(lane_of(message), 10, message.due_at - SECOND).rows == []


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_only_queued_rows_are_claimed(message, state):
    builders.set_message(message, state=state)
    assert claim(lane_of(message), 10, timezone.now()).rows == []


def test_rows_of_other_lanes_are_left(message):
    lane = lane_of(message)
    for other in (type(lane)(lane.account_id, Priority.BULK), type(lane)(0, Priority.NORMAL)):
        assert claim(other, 10, timezone.now()).rows == []


def test_the_oldest_due_rows_come_first(message):
    rows = builders.copies(message, 4)
    for age, row in enumerate(rows):
        builders.set_message(row, due_at=message.due_at - age * SECOND)
    claimed = [one.id for one in claim(lane_of(message), 3, timezone.now()).rows]
    assert claimed == [rows[3].id, rows[2].id, rows[1].id]


def test_an_expired_row_is_settled_not_claimed(message):
    assert claim(lane_of(message), 10, message.expires_at).rows == []
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.EXPIRED, 0)
    assert states(message) == [State.EXPIRED]


@pytest.mark.parametrize("age", [GUARD, timedelta(days=1)])
def test_a_row_in_doubt_is_not_repeated_when_the_guard_is_over(message, age):
    now = timezone.now()
    builders.set_message(message, in_doubt_since=now - age)
    assert claim(lane_of(message), 10, now).rows == []
    message.refresh_from_db()
    assert message.state == State.UNKNOWN
    assert states(message) == [State.UNKNOWN]


def test_a_row_in_doubt_that_expired_is_unknown(message):
    builders.set_message(message, in_doubt_since=message.expires_at - SECOND)
    claim(lane_of(message), 10, message.expires_at)
    message.refresh_from_db()
    assert message.state == State.UNKNOWN


def test_expired_rows_do_not_hide_the_others(message):
    builders.set_message(message, expires_at=message.created_at)
    builders.copies(message, 2)
    (good,) = builders.copies(builders.make_message(), 1)
    builders.set_message(good, account_id=message.account_id, due_at=message.due_at)
    assert [one.id for one in claim(lane_of(message), 10, timezone.now()).rows] == [good.id]
    assert Message.objects.filter(state=State.EXPIRED).count() == 3


def test_a_claim_with_expired_rows_is_full_all_the_same(message):
    """Else its lane would wait for the clock, a second for each claim, while a backlog expires."""
    builders.copies(message, 3)
    builders.set_message(message, expires_at=message.created_at)
    half = claim(lane_of(message), 2, timezone.now())
    assert (len(half.rows), half.is_full) == (1, True)
    assert not claim(lane_of(message), 3, timezone.now()).is_full


def test_a_probe_is_of_no_held_template(message):
    """It would be handed back: WeChat would not be asked, and the account stay closed."""
    other = builders.make_message(builders.make_template(message.version.template.account))
    MessageTemplate.objects.filter(pk=message.version.template_id).update(held_since=other.due_at)
    (claimed,) = claim(lane_of(message), 1, timezone.now(), is_probe=True).rows
    assert claimed.id == other.id


def test_two_claims_never_hold_the_same_row(message):
    builders.copies(message, 299)
    lane = lane_of(message)

    def take(_number):
        mine = []
        while batch := claim(lane, 20, timezone.now()).rows:
            mine += [one.id for one in batch]
        return mine

    taken = [pk for mine in at_once(6, take) for pk in mine]
    assert len(taken) == len(set(taken)) == 300
    assert MessageEvent.objects.filter(state=State.SENDING).count() == 300
    assert not Message.objects.exclude(attempts=1).exists()


def test_the_cost_of_a_claim_does_not_grow_with_its_size(message):
    builders.copies(message, 60)
    counts = []
    for size in (1, 50):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(claim(lane_of(message), size, timezone.now()).rows) == size
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


def test_a_probe_rather_repeats_a_message_that_is_in_doubt_already(message):
    (doubtful,) = builders.copies(message, 1)
    now = timezone.now()
    builders.set_message(doubtful, in_doubt_since=now, due_at=now)
    (claimed,) = claim(lane_of(message), 1, now, is_probe=True).rows
    assert claimed.id == doubtful.pk


def test_a_claim_may_begin_behind_a_place(message):
    """The messages are due at the same time: their ids decide."""
    builders.copies(message, 5)
    ids = sorted(Message.objects.values_list("pk", flat=True))
    first = claim(lane_of(message), 2, timezone.now())
    builders.set_message(message, state=State.QUEUED)
    second = claim(lane_of(message), 3, timezone.now(), after=first.last)
    assert [one.id for one in second.rows] == ids[2:5]
    assert (second.is_full, second.last) == (True, (message.due_at, ids[4]))
    assert [one.id for one in claim(lane_of(message), 9, timezone.now()).rows] == [ids[0], ids[5]]
