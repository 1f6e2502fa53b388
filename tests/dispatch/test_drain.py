"""Draining a lane against the simulated WeChat: what arrives there, and what the rows say."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from redis.exceptions import ConnectionError

from notifier.dispatch import drain, lanes
from notifier.dispatch.retry import GUARD
from notifier.dispatch.send import LEASE_SPARE_SECONDS, attempt
from notifier.dispatch.sender import sender
from notifier.models import Message, Reason, State
from templates_app.wechat import client_for
from tests import builders
from tests.builders import magic
from tests.dispatch.conftest import claim_one, hurry, lane_of, states
from tests.threads import at_once

CALL = django_settings.WECHAT_CONNECT_TIMEOUT + django_settings.WECHAT_READ_TIMEOUT


def total(**filters):
    return Message.objects.filter(**filters).count()


def run(message):
    """One job: hands over for a slice of time; then what it handed over is settled."""
    more = drain.drain(lane_of(message), message.account, client_for(message.account))
    assert sender().finish(10)
    return more


def test_every_message_arrives_once_with_its_own_body(platform, work):
    message = platform.message()
    builders.copies(message, 249)
    work()
    received = platform.received()
    assert len({card["client_msg_id"] for card in received}) == len(received) == 250
    stored = set(Message.objects.filter(state=State.SENT).values_list("msgid", flat=True))
    assert stored == {card["msgid"] for card in received}


def test_several_workers_share_a_lane(platform):
    message = platform.message()
    builders.copies(message, 299)
    at_once(3, lambda _number: run(message))
    assert total(state=State.SENT) == 300
    assert {card["requests"] for card in platform.received()} == {1}


def test_a_full_claim_calls_another_worker(platform, settings):
    settings.DISPATCH_CLAIM_SIZE = 5
    message = platform.message()
    builders.copies(message, 9)
    lanes.redis().flushdb()
    run(message)
    assert len(lanes.queue("normal")) == 1


def test_what_comes_back_behind_a_drain_is_sent_in_its_slice(platform, settings, monkeypatch):
    settings.DISPATCH_CLAIM_SIZE = 2
    settings.DISPATCH_SLICE_SECONDS = 10
    message = platform.message()
    builders.copies(message, 4)
    claims = []

    def claim(*arguments):
        claims.append(real(*arguments))
        if len(claims) == 2:  # somebody lets an older one be tried again
            early = message.due_at - timedelta(seconds=1)
            Message.objects.filter(pk=builders.copies(message, 1)[0].pk).update(due_at=early)
        return claims[-1]

    real = drain.claim
    monkeypatch.setattr(drain, "claim", claim)
    assert not run(message)
    assert [len(one.rows) for one in claims] == [2, 2, 1, 1]
    assert len(platform.received()) == 6


@pytest.mark.parametrize("name", ["timeout", "reset", "html"])
def test_a_lost_answer_is_asked_for_again_and_delivered_once(platform, work, name):
    message = platform.message(magic(name))
    hurry(work)
    message.refresh_from_db()
    (card,) = platform.received()
    assert (message.state, message.attempts) == (State.SENT, 2)
    assert (card["msgid"], card["delivered"], card["requests"]) == (message.msgid, 1, 2)
    assert card["client_msg_id"] == message.id.hex


def test_the_wait_after_a_lost_answer_is_told(platform):
    message = platform.message(magic("html"))
    run(message)
    message.refresh_from_db()
    assert (message.state, message.reason, message.errmsg) == ("queued", "retry", "HTTP 502")
    assert message.in_doubt_since is not None


def test_a_busy_wechat_is_asked_until_it_accepts(platform, work):
    message = platform.message(magic("busytwice"))
    hurry(work)
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.SENT, 3)
    assert states(message) == ["sending", "queued", "sending", "queued", "sending", "sent"]
    assert len(platform.received()) == 1


@pytest.mark.parametrize(
    ("errcode", "state", "reason"),
    [
        (45009, State.QUEUED, Reason.QUOTA),
        (48001, State.QUEUED, Reason.ACCOUNT),
        (45011, State.QUEUED, Reason.RETRY),
        (40037, State.FAILED, Reason.NONE),
        (47003, State.FAILED, Reason.NONE),
        (12345, State.FAILED, Reason.NONE),
    ],
)
def test_an_errcode_decides_what_follows(platform, errcode, state, reason):
    message = platform.message()
    platform.simulator.control("POST", "/faults", {"errcode": errcode})
    run(message)
    message.refresh_from_db()
    assert (message.state, message.reason, message.errcode) == (state, reason, errcode)


def test_a_blocked_recipient_is_not_retried(platform, work):
    message = platform.message(magic("refused"))
    hurry(work)
    assert platform.counters()["sends"] == 1
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.FAILED, 1)


@pytest.mark.parametrize("seconds", [-1, 0, CALL, CALL + LEASE_SPARE_SECONDS])
def test_nothing_is_sent_when_the_lease_could_end_meanwhile(platform, seconds):
    message = platform.message()
    lease_until = timezone.now() + timedelta(seconds=seconds)
    claimed = replace(claim_one(message), lease_until=lease_until)
    assert asyncio.run(attempt(client_for(message.account), claimed, CALL)).kind is None
    assert platform.received() == []


def test_a_message_that_expired_since_its_claim_is_not_sent(platform):
    message = platform.message()
    claimed = replace(claim_one(message), expires_at=timezone.now())
    assert asyncio.run(attempt(client_for(message.account), claimed, CALL)).kind is None
    assert platform.received() == []


def test_a_drain_ends_with_its_slice_and_asks_to_be_woken(platform, settings):
    settings.DISPATCH_SLICE_SECONDS, settings.DISPATCH_CLAIM_SIZE = 0.02, 4
    platform.simulator.control("POST", "/latency", {"median_ms": 40, "sigma": 0})
    message = platform.message()
    builders.copies(message, 99)
    lanes.redis().flushdb()
    assert run(message) is True
    assert total(state=State.SENDING) == 0
    assert 0 < total(state=State.SENT) < 100


def test_an_empty_lane_is_not_woken_again(platform):
    message = platform.message()
    lanes.redis().flushdb()
    drain.drain_lane(message.account_id, message.priority)
    assert len(lanes.queue("normal")) == 0


def test_a_lane_cut_off_by_its_slice_is_emptied_in_the_end(platform, settings, work):
    settings.DISPATCH_SLICE_SECONDS, settings.DISPATCH_CLAIM_SIZE = 0.02, 8
    platform.simulator.control("POST", "/latency", {"median_ms": 5, "sigma": 0})
    builders.copies(platform.message(), 99)
    work()
    assert total(state=State.SENT) == 100


def test_a_stopping_worker_finishes_what_is_in_the_air_and_returns_the_rest(platform):
    platform.simulator.control("POST", "/latency", {"median_ms": 50, "sigma": 0})
    message = platform.message()
    builders.copies(message, 99)
    stop = threading.Timer(0.15, sender().stopping.set)
    stop.start()
    run(message)
    stop.join()
    returned = Message.objects.filter(state=State.QUEUED)
    assert set(returned.values_list("attempts", "in_doubt_since")) == {(0, None)}
    assert total(state=State.SENT) == len(platform.received()) == 100 - returned.count() > 0


def test_what_a_stopped_worker_returned_is_sent_by_the_next(platform, work):
    message = platform.message()
    sender().stopping.set()
    drain.drain_lane(message.account_id, message.priority)
    sender().stopping.clear()
    work()
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.SENT, 1)


def test_no_call_begins_when_wechat_may_have_forgotten_the_first(platform):
    """Claimed in time, and then it waited for its turn."""
    message = platform.message()
    claimed = replace(claim_one(message), in_doubt_since=timezone.now() - GUARD)
    result = asyncio.run(attempt(client_for(message.account), claimed, CALL))
    assert (result.kind, platform.received()) == (None, [])


def test_what_was_claimed_is_sent_though_redis_went_away(platform, monkeypatch):
    message = platform.message()

    def fail(*_args):
        raise ConnectionError

    monkeypatch.setattr(drain.gate, "give_back", fail)
    run(message)
    message.refresh_from_db()
    assert message.state == State.SENT
