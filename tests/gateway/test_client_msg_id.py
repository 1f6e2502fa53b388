"""client_msg_id: what WeChat promises for ten minutes, and we for a day."""

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from notifier.gateway import sending
from notifier.models import GatewayMessage, Message, Recipient
from tests import builders
from tests.gateway.conftest import Caller, data
from tests.threads import at_once


@pytest.fixture
def asked(body):
    return body | {"client_msg_id": "order-1"}


def test_a_repetition_has_the_first_answer(caller, asked):
    first = caller.send(asked)
    assert caller.send(asked) == first
    assert Message.objects.count() == 1


def test_each_person_has_their_own(caller, asked, template):
    other = builders.make_recipient(template.account)
    assert caller.send(asked) != caller.send(asked | {"touser": other.openid})


def test_within_ten_minutes_wechat_sends_one_whatever_it_says(caller, asked):
    """Official page: one message for an openid and client_msg_id."""
    first = caller.send(asked)
    assert caller.send(asked | {"data": data(thing2="茶")}) == first
    assert Message.objects.count() == 1


def test_another_text_goes_when_wechats_guard_is_over(caller, asked):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = caller.send(asked)
        clock.shift(sending.GUARD)
        other = asked | {"data": data(thing2="茶")}
        second = caller.send(other)
        assert (second["errcode"], Message.objects.count()) == (0, 2)
        assert second["msgid"] != first["msgid"]
        assert caller.send(other) == second


def test_the_same_text_goes_once_a_day(caller, asked):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = caller.send(asked)
        clock.shift(timedelta(hours=23, minutes=59))
        assert caller.send(asked) == first
        clock.shift(timedelta(minutes=1))
        second = caller.send(asked)
        assert second["msgid"] != first["msgid"]
        assert caller.send(asked) == second
        assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("values", "is_new"),
    [
        ({"state": "failed"}, True),
        ({"state": "expired"}, True),
        ({"state": "failed", "in_doubt_since": timezone.now()}, False),
        ({"state": "unknown"}, False),
        ({"state": "cancelled"}, False),
        ({"state": "undelivered"}, False),
        ({"state": "delivered"}, False),
    ],
)
def test_what_wechat_never_got_may_be_sent_again(caller, asked, values, is_new):
    first = caller.send(asked)
    Message.objects.update(**values)
    second = caller.send(asked)
    assert second["errcode"] == 0
    assert (second != first) == is_new
    assert Message.objects.count() == 1 + is_new


def test_the_first_answer_holds_though_the_person_left(caller, asked):
    first = caller.send(asked)
    Recipient.objects.update(state="unfollowed")
    assert caller.send(asked) == first


def test_an_answer_that_was_lost_on_the_way_is_made_up_for(caller, asked, monkeypatch):
    def crash(**_values):
        raise OperationalError

    monkeypatch.setattr(GatewayMessage.objects, "create", crash)
    assert caller.send(asked)["errcode"] == -1
    assert Message.objects.count() == 1
    monkeypatch.undo()
    answer = caller.send(asked)
    assert answer["errcode"] == 0
    assert caller.send(asked) == answer
    assert Message.objects.count() == 1


def test_many_at_once_make_one_message(caller, asked):
    token = caller.token()

    def send(_number=0):
        http = Client(raise_request_exception=False)
        own = Caller(caller.gateway, caller.secret, http)
        return own.post("message/template/send", asked, token=token)

    answers = at_once(12, send)
    told = {one["msgid"] for one in answers if one["errcode"] == 0}
    assert len(told) == Message.objects.count() == GatewayMessage.objects.count() == 1
    assert {one["errcode"] for one in answers} <= {0, -1}
    assert send()["msgid"] in told


def test_its_repetition_may_have_made_the_row_before_it(caller, asked, monkeypatch):
    """Between a message and its row another request with the same id comes in."""
    real = GatewayMessage.objects.create
    early = []

    def meanwhile(**values):
        if not early:
            early.append(real(**values))
        return real(**values)

    monkeypatch.setattr(GatewayMessage.objects, "create", meanwhile)
    answer = caller.send(asked)
    assert answer["msgid"] == early[0].msgid
