"""Receipts on their way to the services: what they say, and when they are pushed again."""

import threading
import time
from datetime import timedelta

import pytest
import time_machine
from defusedxml.ElementTree import fromstring
from django.utils import timezone

from notifier.dispatch.repair import cancel
from notifier.dispatch.sweep import tick
from notifier.gateway import outbound, pushes
from notifier.gateway.pushes import process_pushes
from notifier.models import ApiClient, Gateway, GatewayMessage, Message, State
from notifier.models.gateways import push_ends
from notifier.wechat.callback import CallbackKeys, open_push
from tests import builders
from tests.gateway.conftest import AES_KEY, TOKEN, Caller, Service

HOUR = timedelta(hours=1)


@pytest.fixture
def listening(caller: Caller, receiver: Service) -> Caller:
    set_callback(receiver.url)
    caller.gateway.refresh_from_db()
    return caller


def set_callback(url, mode="plain"):
    Gateway.objects.update(callback_url=url, callback_mode=mode)
    for row in Gateway.objects.all():
        row.callback_token, row.encoding_aes_key = TOKEN, AES_KEY
        row.save()


def end(state, **values):
    """As what settles does: the row, then the pushes."""
    now = timezone.now()
    Message.objects.update(state=state, **values)
    push_ends(list(Message.objects.values_list("pk", flat=True)), now)


def statuses(receiver):
    return [fromstring(one.body).findtext("Status") for one in receiver.pushed]


@pytest.mark.parametrize(
    ("state", "status", "told"),
    [
        (State.DELIVERED, "success", "success"),
        (State.UNDELIVERED, "failed:user block", "failed:user block"),
        (State.UNDELIVERED, "failed:freq limit", "failed:freq limit"),
        (State.FAILED, "", "failed: system failed"),
        (State.EXPIRED, "", "failed: system failed"),
        (State.UNKNOWN, "", "failed: system failed"),
        (State.CANCELLED, "", "failed: system failed"),
    ],
)
def test_each_end_is_told_in_wechats_words(listening, receiver, body, state, status, told):
    msgid = listening.send(body)["msgid"]
    end(state, receipt_status=status)
    process_pushes()
    (pushed,) = receiver.pushed
    xml = fromstring(pushed.body)
    assert {child.tag: child.text for child in xml} == {
        "ToUserName": listening.gateway.account.original_id,
        "FromUserName": body["touser"],
        "CreateTime": xml.findtext("CreateTime"),
        "MsgType": "event",
        "Event": "TEMPLATESENDJOBFINISH",
        "MsgID": str(msgid),
        "Status": told,
    }
    assert pushed.headers["Content-Type"] == "text/xml"
    process_pushes()
    assert len(receiver.pushed) == 1


@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
def test_our_own_reader_of_wechats_pushes_reads_them(listening, receiver, body, mode):
    set_callback(receiver.url, mode)
    msgid = listening.send(body)["msgid"]
    end(State.DELIVERED)
    process_pushes()
    (pushed,) = receiver.pushed
    keys = CallbackKeys(TOKEN, listening.gateway.appid, (AES_KEY,), mode)
    push = open_push(keys, pushed.query, pushed.body)
    assert (push.event, push.msgid, push.status) == (
        "templatesendjobfinish",
        str(msgid),
        "success",
    )
    assert (b"FromUserName" in pushed.body) == (mode != "safe")


def test_nothing_is_pushed_before_the_end(listening, receiver, body):
    listening.send(body)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for state in (State.QUEUED, State.SENDING, State.SENT):
            Message.objects.update(state=state)
            clock.shift(timedelta(minutes=20))
            process_pushes()
    assert receiver.pushed == []


def test_an_end_that_nobody_told_of_is_found(listening, receiver, body):
    """A crash between the answer and its row, say."""
    listening.send(body)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        Message.objects.update(state=State.FAILED)
        process_pushes()
        assert receiver.pushed == []
        clock.shift(timedelta(seconds=61))
        process_pushes()
    assert statuses(receiver) == ["failed: system failed"]


def test_a_receipt_that_never_comes_is_not_waited_for_longer_than_a_day(listening, body):
    listening.send(body)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        Message.objects.update(state=State.SENT, sent_at=timezone.now())
        clock.shift(timedelta(hours=25))
        process_pushes()
    assert GatewayMessage.objects.get().due_at is None


def test_cancelling_and_expiring_are_told_at_once(listening, receiver, body):
    listening.send(body)
    cancel([Message.objects.get().pk], "li", timezone.now())
    process_pushes()
    listening.send(body)
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        tick(timezone.now())
        process_pushes()
    assert len(statuses(receiver)) == 2


def test_a_late_receipt_is_told_after_all(listening, receiver, body):
    listening.send(body)
    end(State.UNKNOWN)
    process_pushes()
    end(State.DELIVERED)
    process_pushes()
    assert statuses(receiver) == ["failed: system failed", "success"]


def test_a_refusal_is_repeated_until_it_is_taken(listening, receiver, body):
    listening.send(body)
    end(State.DELIVERED)
    receiver.status = 500
    with time_machine.travel(timezone.now(), tick=False) as clock:
        process_pushes()
        row = GatewayMessage.objects.get()
        assert (row.attempts, row.detail, row.pushed_at) == (1, "HTTP 500", None)
        assert row.due_at == timezone.now() + timedelta(seconds=5)
        clock.shift(timedelta(seconds=6))
        receiver.status = 200
        process_pushes()
    row.refresh_from_db()
    assert (row.attempts, row.detail, row.due_at) == (2, "", None)
    assert row.pushed_at is not None
    # The same push, letter for letter: what a service tells repetitions by.
    first, second = receiver.pushed
    assert first.body == second.body


def test_it_is_repeated_for_an_hour(listening, receiver, body):
    listening.send(body)
    end(State.DELIVERED)
    receiver.status = 404
    with time_machine.travel(timezone.now(), tick=False) as clock:
        begun = timezone.now()
        while (row := GatewayMessage.objects.get()).due_at:
            clock.move_to(max(row.due_at, timezone.now()) + timedelta(seconds=1))
            process_pushes()
        assert HOUR < timezone.now() - begun < 2 * HOUR
        assert len(receiver.pushed) == row.attempts == 11


def test_a_dead_address_holds_up_nobody(listening, receiver, body, template, monkeypatch):
    monkeypatch.setattr(outbound, "TIMEOUT", (1, 1))
    other = Gateway.objects.create(
        client=builders.make_client(),
        account=template.account,
        callback_url="http://127.0.0.1:9/",
        callback_token=TOKEN,
    )
    for _ in range(40):
        message = builders.make_message(template, builders.make_recipient(template.account))
        GatewayMessage.objects.create(gateway=other, message=message, due_at=timezone.now())
    listening.send(body)
    end(State.DELIVERED)
    process_pushes()
    assert statuses(receiver) == ["success"]
    dead = GatewayMessage.objects.filter(gateway=other)
    assert dead.filter(attempts__gt=0).count() <= outbound.AT_ONCE
    assert not dead.filter(due_at__lte=timezone.now()).exists()
    # And while it is left alone, none of its rows are taken.
    dead.update(due_at=timezone.now())
    before = list(dead.values_list("pk", "attempts"))
    process_pushes()
    assert list(dead.values_list("pk", "attempts")) == before


def test_an_address_that_hangs_is_left_after_a_time(listening, receiver, body, monkeypatch):
    monkeypatch.setattr(outbound, "TIMEOUT", (1, 0.2))
    listening.send(body)
    end(State.DELIVERED)
    receiver.status = None
    process_pushes()
    row = GatewayMessage.objects.get()
    assert (row.detail, row.pushed_at) == ("timeout", None)
    assert row.due_at > timezone.now()


def test_a_redirect_is_not_followed(listening, receiver, body):
    listening.send(body)
    end(State.DELIVERED)
    receiver.status = 302
    process_pushes()
    assert GatewayMessage.objects.get().detail == "HTTP 302"


def test_an_end_during_the_call_is_pushed_afterwards(listening, receiver, body, monkeypatch):
    listening.send(body)
    end(State.UNKNOWN)
    real = pushes.post

    def meanwhile(url, body, headers):
        status = real(url, body, headers)
        monkeypatch.setattr(pushes, "post", real)
        return status

    def told(rows):
        original(rows)
        end(State.DELIVERED)

    original = pushes._push_all
    monkeypatch.setattr(pushes, "post", meanwhile)
    monkeypatch.setattr(pushes, "_push_all", told)
    process_pushes()
    monkeypatch.setattr(pushes, "_push_all", original)
    process_pushes()
    assert statuses(receiver) == ["failed: system failed", "success"]


def test_without_an_address_nothing_is_tried(caller, body):
    caller.send(body)
    end(State.DELIVERED)
    process_pushes()
    row = GatewayMessage.objects.get()
    assert (row.due_at, row.attempts) == (None, 0)


def test_other_clients_messages_are_not_pushed(listening, receiver, template):
    builders.make_message(template)
    end(State.DELIVERED)
    process_pushes()
    assert receiver.pushed == []
    assert ApiClient.objects.count() == 1


def test_a_slow_address_leaves_room_for_others(listening, receiver, body, template, monkeypatch):
    """Its queue is longer and older, and each of its answers takes a while."""
    monkeypatch.setattr(pushes, "ROUND_SECONDS", 0.5)
    slow = Gateway.objects.create(
        client=builders.make_client(),
        account=template.account,
        callback_url="http://slow.example/",
        callback_token=TOKEN,
    )
    first = builders.make_message(template, builders.make_recipient(template.account))
    for message in [first, *builders.copies(first, 60)]:
        GatewayMessage.objects.create(
            gateway=slow, message=message, due_at=timezone.now() - timedelta(minutes=5)
        )
    listening.send(body)
    end(State.DELIVERED)
    real, told = pushes.post, []

    def post(url, body, headers):
        if "slow" not in url:
            return real(url, body, headers)
        told.append(threading.current_thread().name)
        time.sleep(0.2)
        return 200

    monkeypatch.setattr(pushes, "post", post)
    process_pushes()
    assert statuses(receiver) == ["success"]
    assert 0 < len(told) < 61
    assert len(set(told)) <= pushes.LANES
    # Those it did not come to are due again, with no attempt counted.
    left = GatewayMessage.objects.filter(gateway=slow, due_at__lte=timezone.now())
    assert left.count() == 61 - len(told)
    assert not left.exclude(attempts=0).exists()
