"""Waking a lane: one job however often it is woken, and no wake-up lost."""

import socket
import time

import pytest
from django.conf import settings
from django.utils import timezone
from redis import Redis
from rq import Queue

from notifier.dispatch import drain, lanes
from notifier.dispatch.claim import Claim
from notifier.dispatch.lanes import Lane, wake
from notifier.models import Priority, State
from templates_app.models import OfficialAccount
from tests import builders
from tests.threads import at_once

LANE = Lane(1, Priority.NORMAL)


def waiting():
    return {name: len(lanes.queue(name)) for name in ("urgent", "normal", "bulk")}


def test_a_second_wake_adds_no_job():
    wake(LANE)
    wake(LANE)
    assert waiting() == {"urgent": 0, "normal": 1, "bulk": 0}


def test_many_processes_wake_a_lane_once(transactional_db):
    at_once(20, lambda _number: wake(LANE))
    assert waiting()["normal"] == 1


@pytest.mark.parametrize("other", [Lane(2, Priority.NORMAL), Lane(1, Priority.URGENT)])
def test_lanes_are_woken_by_themselves(other):
    wake(LANE)
    wake(other)
    assert sum(waiting().values()) == 2


def test_a_lost_job_is_replaced_when_its_flag_ran_out():
    wake(LANE)
    lanes.queue("normal").empty()
    seconds = lanes.redis().ttl(LANE.flag)
    assert 0 < seconds <= lanes.FLAG_SECONDS
    lanes.redis().delete(LANE.flag)  # as time would
    wake(LANE)
    assert waiting()["normal"] == 1


def test_a_drain_takes_the_flag_before_it_looks(transactional_db, monkeypatch):
    message = builders.make_message()
    lane = Lane(message.account_id, Priority.NORMAL)
    lanes.queue("normal").empty()
    seen = []

    def claim(*_args):
        seen.append(lanes.redis().exists(lane.flag))
        return Claim([], is_full=False)

    monkeypatch.setattr(drain, "claim", claim)
    drain.drain_lane(lane.account_id, int(lane.priority))
    assert seen == [0]


def test_a_message_accepted_during_a_drain_wakes_the_lane_again(transactional_db, monkeypatch):
    template = builders.make_template()
    recipient = builders.make_recipient(template.account)
    lane = Lane(template.account_id, Priority.NORMAL)

    def claim(*_args):
        builders.make_message(template, recipient)
        return Claim([], is_full=False)

    monkeypatch.setattr(drain, "claim", claim)
    drain.drain_lane(lane.account_id, int(lane.priority))
    assert waiting()["normal"] == 1


def test_nothing_is_raised_while_redis_is_away(dead_redis):
    wake(LANE)


def test_a_redis_that_hangs_holds_up_nobody_for_long(monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        connection = Redis.from_url(url, **settings.REDIS_PATIENCE)
        monkeypatch.setattr(lanes, "queue", lambda name: Queue(name, connection=connection))
        started = time.monotonic()
        wake(LANE)
    assert time.monotonic() - started < 10  # redis-py's own patience is a minute


def test_an_inactive_account_sends_nothing(platform, work):
    message = platform.message()
    OfficialAccount.objects.update(is_active=False)
    work()
    message.refresh_from_db()
    assert (message.state, platform.received()) == (State.QUEUED, [])


def test_a_job_for_a_vanished_account_ends(transactional_db):
    drain.drain_lane(999_999, int(Priority.NORMAL))
    assert waiting()["normal"] == 0


def test_an_expired_message_is_not_sent(platform, work):
    message = builders.set_message(platform.message(), expires_at=timezone.now())
    work()
    message.refresh_from_db()
    assert (message.state, platform.received()) == (State.EXPIRED, [])
