"""What must survive: a killed worker, an emptied Redis, a stolen token. Made to happen for real."""

import os
import signal

import pytest

from notifier.dispatch.lanes import redis
from notifier.models import Message, State
from tests import builders
from tests.chaos.processes import everything_in_redis, running, until
from tests.conftest import Platform
from tests.shared_tokens import shared

pytestmark = pytest.mark.chaos

COUNT = 1000


@pytest.fixture
def waiting(platform: Platform) -> Platform:
    """1,000 messages in the queue, WeChat answers in 20 ms."""
    recipients = [platform.recipient() for _ in range(20)]
    for number in range(COUNT):
        builders.make_message(platform.template, recipients[number % 20])
    platform.simulator.control("POST", "/latency", {"median_ms": 20, "sigma": 0.3})
    return platform


def sent() -> int:
    return Message.objects.filter(state=State.SENT).count()


def assert_each_was_delivered_once(platform: Platform) -> None:
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}
    cards = platform.received()
    assert len(cards) == COUNT
    assert len({card["client_msg_id"] for card in cards}) == COUNT
    assert {card["delivered"] for card in cards} == {1}


def test_a_killed_worker_loses_and_doubles_nothing(waiting, log):
    with running("clock", "worker", log=log) as (_, victim):
        until(lambda: sent() > 100)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        assert Message.objects.filter(state=State.SENDING).exists()
        with running("worker", log=log):
            until(lambda: sent() == COUNT)
    assert_each_was_delivered_once(waiting)


def test_a_stopped_worker_returns_what_it_holds(waiting, log):
    with running("worker", log=log) as (worker,):
        until(lambda: sent() > 100)
        worker.terminate()
        assert worker.wait(timeout=10) == 0
    assert not Message.objects.filter(state=State.SENDING).exists()
    with running("clock", "worker", log=log):
        until(lambda: sent() == COUNT)
    assert_each_was_delivered_once(waiting)


def test_an_emptied_redis_loses_and_doubles_nothing(waiting, log):
    redis().flushall()
    with running("clock", "worker", log=log):
        until(lambda: sent() > 100)
        redis().flushall()
        until(lambda: sent() == COUNT)
    assert_each_was_delivered_once(waiting)


def test_a_token_killed_in_the_middle_costs_one_refresh_and_no_message(waiting, log):
    with running("clock", "worker", log=log):
        until(lambda: sent() > 100)
        before = waiting.counters()["stable_token_fetches"]
        waiting.simulator.control("POST", "/kill-token", {"appid": waiting.account.appid})
        until(lambda: sent() == COUNT)
    assert (before, waiting.counters()["stable_token_fetches"]) == (1, 2)
    assert not Message.objects.filter(attempts__gt=1).exists()
    assert_each_was_delivered_once(waiting)


def test_no_secret_or_token_is_left_anywhere(waiting, log):
    """The processes log at DEBUG here; one recipient makes exceptions of every kind."""
    for name in ("timeout", "reset", "html", "blacklisted"):
        waiting.message(builders.magic(name))
    with running("clock", "worker", log=log):
        until(lambda: sent() >= COUNT)
        waiting.simulator.control("POST", "/kill-token", {"appid": waiting.account.appid})
        extra = waiting.message()
        until(lambda: Message.objects.filter(pk=extra.pk, state=State.SENT).exists())
    token = shared(waiting.account.appid).encode()
    text = log.read_bytes()
    text += b"\n".join(everything_in_redis())
    assert waiting.account.app_secret.encode() not in text
    assert len(token) > 100
    assert token not in text
    assert b"access_token=" not in text.replace(b"access_token=[redacted]", b"")
