"""A clock that is killed loses no event, and two of them double none. Real processes."""

import os
import signal
import time
from collections import Counter

import pytest

from notifier.models import ClientEvent, Outcome, WebhookDelivery
from tests import builders
from tests.chaos.processes import running, until
from tests.webhooks.conftest import end, make_due
from tests.webhooks.receiver import respond

pytestmark = pytest.mark.chaos

COUNT = 300


def slowly(handler):
    time.sleep(0.05)
    respond(handler, 204)


def told() -> int:
    return WebhookDelivery.objects.filter(outcome=Outcome.DELIVERED).count()


@pytest.fixture
def changes(ask):
    """In the outbox, of as many messages."""
    for message in builders.copies(ask(), COUNT):
        end(message)


@pytest.mark.usefixtures("changes")
def test_what_a_killed_clock_had_posted_comes_again_with_the_same_id(endpoint, receiver, tmp_path):
    receiver.usual = slowly
    log = tmp_path / "log"
    with running("clock", log=log) as (victim,):
        until(lambda: len(receiver.requests) > 10)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        posted = set(receiver.ids)
        stored = told()
        assert stored < len(posted)
    make_due()  # their lease is over
    with running("clock", log=log):
        until(lambda: told() == COUNT)
    seen = Counter(receiver.ids)
    assert len(seen) == ClientEvent.objects.count() == COUNT
    assert posted <= set(seen)
    again = [one for one, times in seen.items() if times > 1]
    assert 0 < len(again) <= len(posted) - stored


@pytest.mark.usefixtures("changes")
def test_two_clocks_double_nothing(endpoint, receiver, tmp_path):
    receiver.usual = slowly
    with running("clock", "clock", log=tmp_path / "log"):
        until(lambda: told() == COUNT)
    assert len(receiver.ids) == len(set(receiver.ids)) == COUNT
    assert ClientEvent.objects.values("message").distinct().count() == COUNT


@pytest.mark.usefixtures("changes")
def test_a_clock_that_is_stopped_stores_what_it_posted(endpoint, receiver, tmp_path):
    receiver.usual = slowly
    with running("clock", log=tmp_path / "log") as (clock,):
        until(lambda: len(receiver.requests) > 10)
        clock.terminate()
        assert clock.wait(timeout=15) == 0
    assert told() == len(receiver.requests) < COUNT
