"""Receipts: early, twice, out of nowhere, or without a msgid."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from notifier.dispatch import lanes
from notifier.models import Message, MessageCount, MessageEvent, Push, RecipientState, State
from notifier.models.timeline import timeline
from notifier.receipts import process
from notifier.receipts.delivery import PATIENCE, settle_receipts
from tests import builders
from tests.observability.test_metrics import value
from tests.receipts.conftest import MSGID, as_sent, events
from tests.receipts.pushes import push, receipt

SECOND = timedelta(seconds=1)


def arrives(message, msgid=MSGID, status="success", at=None):
    assert push(message.account, receipt(message.openid, msgid, status, at)).content == b"success"


def tick_at(now):
    """The clock and the worker, at that time."""
    with time_machine.travel(now, tick=False):
        process.tick(timezone.now())
        if len(lanes.queue("receipts")):
            lanes.queue("receipts").empty()
            process.process_pushes()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("success", State.DELIVERED),
        ("failed:user block", State.UNDELIVERED),
        ("failed: system failed", State.UNDELIVERED),
        ("failed:freq limit", State.UNDELIVERED),
        ("failed:something new", State.UNDELIVERED),
    ],
)
def test_a_receipt_says_how_the_message_ended(sent, work, status, state):
    arrives(sent, status=status)
    work()
    sent.refresh_from_db()
    assert (sent.state, sent.receipt_status) == (state, status)
    assert sent.receipt_at is not None
    assert [(one.state, one.detail) for one in sent.events.all()] == [(state, status)]


@pytest.mark.parametrize("is_test", [True, False])
def test_a_tests_receipt_is_in_no_figure(sent, work, is_test):
    builders.set_message(sent, is_test=is_test)
    arrives(sent)
    work()
    assert sum(MessageCount.objects.values_list("count", flat=True)) == (0 if is_test else 2)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("failed:user block", RecipientState.REFUSED),
        ("failed: system failed", RecipientState.FOLLOWING),
        ("failed:freq limit", RecipientState.FOLLOWING),
        ("success", RecipientState.FOLLOWING),
    ],
)
def test_only_a_block_marks_the_recipient(sent, work, status, state):
    arrives(sent, status=status)
    work()
    sent.recipient.refresh_from_db()
    assert sent.recipient.state == state


def test_a_receipt_delivered_three_times_is_one_event(sent, work):
    moment = timezone.now().timestamp()
    for _ in range(3):
        arrives(sent, at=moment)
    work()
    assert events(sent) == [State.DELIVERED]
    assert Push.objects.count() == 1


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("status", ["success", "failed: system failed"])
def test_a_second_receipt_changes_nothing(sent, work, together, status):
    now = timezone.now().timestamp()
    arrives(sent, at=now - 5)
    if not together:
        work()
    arrives(sent, status=status, at=now)
    work()
    sent.refresh_from_db()
    assert (sent.state, events(sent)) == (State.DELIVERED, [State.DELIVERED])
    assert sorted(Push.objects.values_list("outcome", flat=True)) == ["applied", "repeated"]


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.CANCELLED, State.UNDELIVERED])
def test_a_receipt_does_not_move_what_has_ended(sent, work, state):
    builders.set_message(sent, state=state)
    arrives(sent)
    work()
    sent.refresh_from_db()
    assert (sent.state, events(sent)) == (state, [])


def test_a_receipt_before_the_sends_own_result_is_applied_later(sent, work):
    builders.set_message(sent, state=State.SENDING, msgid="")
    arrives(sent)
    work()
    sent.refresh_from_db()
    assert sent.state == State.SENDING
    as_sent(sent)
    tick_at(timezone.now() + 2 * SECOND)
    sent.refresh_from_db()
    assert (sent.state, events(sent)) == (State.DELIVERED, [State.DELIVERED])


def test_an_early_receipt_is_tried_ever_more_rarely(account):
    push(account, receipt(builders.openid(), MSGID))
    start = Push.objects.get().received_at
    waits = []
    while due := Push.objects.get().due_at:
        waits.append((due - start).total_seconds())
        tick_at(due)
    assert waits[:5] == [0, 1, 2, 4, 8]
    assert len(waits) < 14
    assert Push.objects.get().outcome == "unmatched"


def test_a_receipt_of_nobody_is_given_up_after_ten_minutes(account):
    push(account, receipt(builders.openid(), MSGID))
    start = Push.objects.get().received_at
    tick_at(start + PATIENCE - SECOND)
    assert Push.objects.get().outcome == "early"
    tick_at(start + PATIENCE)
    assert (Push.objects.get().outcome, Push.objects.get().due_at) == ("unmatched", None)


def test_a_receipt_belongs_to_its_account(sent, work):
    other = builders.make_account()
    push(other, receipt(sent.openid, MSGID))
    work()
    sent.refresh_from_db()
    assert sent.state == State.SENT


@pytest.mark.parametrize("msgid", ["0", ""])
def test_a_receipt_without_a_msgid_belongs_to_the_persons_only_message(sent, work, msgid):
    arrives(sent, msgid=msgid)
    work()
    sent.refresh_from_db()
    assert (sent.state, events(sent)) == (State.DELIVERED, [State.DELIVERED])


def test_with_two_candidates_nothing_is_guessed(sent, work):
    (other,) = builders.copies(sent, 1)
    as_sent(other, "1")
    arrives(sent, msgid="0")
    work()
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}
    assert Push.objects.get().outcome == "early"


@pytest.mark.parametrize("together", [True, False])
def test_a_second_receipt_without_a_msgid_changes_nothing(sent, work, together):
    now = timezone.now().timestamp()
    arrives(sent, msgid="0", at=now - 5)
    if not together:
        work()
    arrives(sent, msgid="0", at=now)
    work()
    assert events(sent) == [State.DELIVERED]


def test_a_receipt_without_a_msgid_is_not_for_a_message_sent_later(sent):
    """The message it belongs to was another program's; ours was sent minutes afterwards."""
    builders.set_message(sent, state=State.QUEUED)
    arrives(sent, msgid="0")
    later = timezone.now() + timedelta(minutes=5)
    builders.set_message(sent, state=State.SENT, sent_at=later)
    tick_at(later + SECOND)
    sent.refresh_from_db()
    assert sent.state == State.SENT


def test_an_old_message_is_no_candidate(sent, work):
    builders.set_message(sent, sent_at=timezone.now() - PATIENCE - SECOND)
    arrives(sent, msgid="0")
    work()
    sent.refresh_from_db()
    assert sent.state == State.SENT


def test_many_receipts_are_worked_on_in_one_job(sent, work, monkeypatch):
    monkeypatch.setattr(process, "BATCH", 10)
    rows = builders.copies(sent, 24)
    for number, row in enumerate(rows):
        as_sent(row, str(number + 1))
        arrives(row, msgid=str(number + 1))
    work()
    delivered = Message.objects.filter(state=State.DELIVERED)
    assert delivered.count() == 24
    assert {row.events.count() for row in delivered} == {1}


def test_receipts_kept_while_redis_was_away_are_found_by_the_clock(sent, dead_redis, monkeypatch):
    arrives(sent)
    monkeypatch.undo()
    tick_at(timezone.now() + SECOND)
    sent.refresh_from_db()
    assert sent.state == State.DELIVERED


def test_the_timeline_ends_with_the_receipt_though_its_worker_read_the_clock_first(sent):
    """It then waited for the send's own result, which another worker was storing."""
    MessageEvent.objects.create(message=sent, at=sent.sent_at, state=State.SENT, attempt=1)
    arrives(sent)
    pushes = list(Push.objects.all())
    with transaction.atomic():
        settle_receipts(pushes, sent.sent_at - timedelta(milliseconds=10))
    assert [one.state for one in timeline(sent)] == [State.QUEUED, State.SENT, State.DELIVERED]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.SENT])
def test_a_message_whose_answer_was_lost_is_resolved_by_its_receipt(sent, work, state):
    """No answer told its msgid; the receipt of the person is the only thing that is known."""
    now = timezone.now()
    builders.set_message(sent, msgid="", state=state, in_doubt_since=now, sent_at=now)
    arrives(sent, msgid="4242")
    work()
    assert Push.objects.get().outcome == "early"
    for seconds in (2, 10, 60, 300):
        tick_at(now + seconds * SECOND)
    sent.refresh_from_db()
    assert sent.state == state
    tick_at(now + PATIENCE + 2 * SECOND)
    sent.refresh_from_db()
    assert (sent.state, sent.msgid) == (State.DELIVERED, "4242")


def test_a_blacklisting_is_not_lifted_by_a_receipt(sent, work):
    type(sent.recipient).objects.update(state=RecipientState.BLACKLISTED)
    arrives(sent, status="failed:user block")
    work()
    sent.recipient.refresh_from_db()
    assert sent.recipient.state == RecipientState.BLACKLISTED


def test_how_long_a_receipt_took_is_counted(sent, work, client):
    labels = f'{{account="{sent.account_id}"'
    before = value(client, rf"hongyan_receipt_lag_seconds_sum\{labels}\}}")
    builders.set_message(sent, sent_at=timezone.now() - 20 * SECOND)
    arrives(sent)
    work()
    assert 20 <= value(client, rf"hongyan_receipt_lag_seconds_sum\{labels}\}}") - before < 40
