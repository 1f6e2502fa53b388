"""The figures are exact: added in the transaction of what they count."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notifier.dispatch.repair import cancel
from notifier.dispatch.settle import settle
from notifier.models import MessageCount, State
from notifier.models.counts import ANSWER, Span, Tally, add_counts
from notifier.wechat.errors import Kind
from tests import builders
from tests.dispatch.conftest import answered, claim_one, fault, total
from tests.threads import at_once


def counted(span=Span.HOUR):
    rows = MessageCount.objects.filter(span=span).values_list("state", "errcode", "count")
    found = Counter()
    for state, errcode, count in rows:
        found[state, errcode] += count
    return found


@pytest.mark.parametrize("span", Span)
def test_a_sent_message_is_counted_once(message, span):
    now = timezone.now()
    claimed = claim_one(message, now)
    settle([answered(claimed)], now)
    settle([answered(claimed)], now)  # a second time it is not ours any more
    assert counted(span) == Counter({(State.SENT, 0): 1})


def test_how_long_it_waited(message):
    now = message.due_at + timedelta(seconds=12)
    settle([answered(claim_one(message, now))], now)
    row = MessageCount.objects.get(span=Span.HOUR)
    assert (row.on_time, row.late, row.waited_ms) == (0, 1, 12_000)


def test_every_refusal_is_counted_with_its_errcode(message):
    now = timezone.now()
    settle([answered(claim_one(message), Kind.RETRY, errcode=-1)], now)
    builders.set_message(message, due_at=now)
    settle([answered(claim_one(message, now), Kind.RECIPIENT, errcode=43004)], now)
    assert counted() == Counter({(ANSWER, -1): 1, (ANSWER, 43004): 1, (State.FAILED, 0): 1})


def test_what_a_person_cancels_is_counted(message):
    cancel([message.pk], "ann", timezone.now())
    assert counted() == Counter({(State.CANCELLED, 0): 1})


def test_a_change_that_is_undone_is_not_counted(message):
    with transaction.atomic():
        cancel([message.pk], "ann", timezone.now())
        transaction.set_rollback(True)
    assert counted() == Counter()


def test_the_counts_are_those_of_the_rows(platform, work):
    fault(platform, errcode=43004, times=3)
    builders.copies(platform.message(), 49)
    work()
    found = counted()
    for state in (State.SENT, State.FAILED):
        assert found[state, 0] == total(state=state)
    assert found[State.SENT, 0] + found[State.FAILED, 0] == 50


def test_writers_of_several_states_do_not_wait_for_each_other_in_a_circle(transactional_db):
    """The claiming thread and the settler of a process add to the same rows, in one transaction
    each: one statement after the other here, all in one there."""
    now = timezone.now()

    def add(number):
        for _ in range(20):
            with transaction.atomic():
                if number % 2:
                    add_counts({(1, 2, "expired", 0): Tally(1)}, now)
                    add_counts({(1, 1, "unknown", 0): Tally(1)}, now)
                else:
                    both = {(1, 1, "unknown", 0): Tally(1), (1, 2, "expired", 0): Tally(1)}
                    add_counts(both, now)

    at_once(4, add)
    assert counted() == Counter({("expired", 0): 80, ("unknown", 0): 80})


def test_many_writers_lose_no_count(transactional_db):
    now = timezone.now()

    def add(_number):
        for _ in range(10):
            with transaction.atomic():
                add_counts({(1, 1, "sent", 0): Tally(1), (1, 2, "sent", 0): Tally(2)}, now)

    at_once(4, add)
    assert counted() == Counter({("sent", 0): 120})
