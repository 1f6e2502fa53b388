"""A campaign through crashes: each person gets it once; a pause or a cancel holds in a second."""

import os
import signal
import time

import pytest

from notifier.campaigns import states
from notifier.dispatch.lanes import redis
from notifier.models import Campaign, Message, RecipientGroup, State
from tests.campaigns.campaigning import checked, make_campaign
from tests.chaos.processes import running, until
from tests.conftest import Platform

pytestmark = pytest.mark.chaos

COUNT = 600


@pytest.fixture
def campaign(platform: Platform) -> Campaign:
    """600 people, launched; WeChat answers in 20 ms."""
    group = RecipientGroup.objects.create(account=platform.account, name="everybody")
    group.recipients.add(*[platform.recipient() for _ in range(COUNT)])
    platform.simulator.control("POST", "/latency", {"median_ms": 20, "sigma": 0.3})
    made = checked(make_campaign(platform.template, group=group))
    states.launch(made.pk, "writer")
    return made


def sent(campaign: Campaign) -> int:
    return Message.objects.filter(campaign=campaign, state=State.SENT).count()


def is_done(campaign: Campaign) -> bool:
    return Campaign.objects.get(pk=campaign.pk).state == "done"


def assert_each_got_it_once(platform: Platform) -> None:
    cards = platform.received()
    assert len(cards) == COUNT
    assert len({card["openid"] for card in cards}) == COUNT
    assert {card["delivered"] for card in cards} == {1}


def test_killed_workers_a_killed_clock_and_an_emptied_redis(platform, campaign, log):
    with running("clock", "worker", log=log) as (clock, worker):
        until(lambda: sent(campaign) > 50)
        for victim in (worker, clock):
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
        redis().flushall()
        with running("clock", "worker", log=log) as (_, worker):
            until(lambda: sent(campaign) > 200)
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            with running("worker", log=log):
                until(lambda: is_done(campaign))
    assert_each_got_it_once(platform)


def test_a_pause_holds_within_a_second_and_a_cancel_for_good(platform, campaign, log):
    Campaign.objects.filter(pk=campaign.pk).update(pace=100)
    with running("clock", "worker", log=log):
        until(lambda: sent(campaign) > 50)
        states.pause_by(campaign.pk, "boss")
        time.sleep(1)
        held = len(platform.received())
        time.sleep(1.5)
        assert len(platform.received()) == held < COUNT
        states.resume(campaign.pk)
        until(lambda: sent(campaign) > held + 50)
        states.cancel(campaign.pk, "boss")
        time.sleep(1)
        held = len(platform.received())
        mine = Message.objects.filter(campaign=campaign)
        until(lambda: not mine.filter(state__in=["queued", "sending"]).exists())
        time.sleep(1)
        assert len(platform.received()) == held < COUNT
    states_now = set(mine.values_list("state", flat=True))
    assert states_now <= {State.SENT, State.CANCELLED}
