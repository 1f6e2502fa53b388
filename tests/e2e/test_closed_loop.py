"""From a service's request to WeChat's receipt, on real parts."""

import time

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from notifier.models import Message, Recipient, State
from notifier.receipts import process
from tests.builders import DATA, magic
from tests.conftest import Platform

MODES = ["plain", "compatible", "safe"]


def wait_for(message_id: str, work, *states: str) -> Message:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        process.tick(timezone.now())  # the clock: a receipt that came early is tried again
        work()
        message = Message.objects.get(pk=message_id)
        if message.state in states:
            return message
        time.sleep(0.05)
    raise AssertionError(f"{message.state}: {[e.state for e in message.events.all()]}")


@pytest.fixture
def loop(request, simulator, live_server: LiveServer) -> Platform:
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    return Platform(simulator, live_server.url, getattr(request, "param", "plain"))


@pytest.mark.parametrize("loop", MODES, indirect=True)
def test_a_message_travels_from_the_api_to_its_receipt(loop, api: APIClient, work):
    openid = loop.recipient(user_id="u-1").openid
    body = {"template": loop.template.code, "to": {"user": "u-1"}, "data": DATA}
    answer = api.post("/api/v1/messages", body, format="json")
    assert answer.status_code == 202
    wait_for(answer.json()["id"], work, State.DELIVERED)

    shown = api.get(f"/api/v1/messages/{answer.json()['id']}").json()
    assert [event["status"] for event in shown["events"]] == [
        "queued",
        "sending",
        "sent",
        "delivered",
    ]
    (card,) = loop.received()
    assert (card["openid"], card["msgid"]) == (openid, shown["msgid"])
    assert card["data"]["thing2"] == {"value": "云南白茶"}
    assert card["client_msg_id"] == shown["id"]


@pytest.mark.parametrize(
    ("name", "state", "delivered"),
    [
        ("ok", State.DELIVERED, 1),
        ("blocked", State.UNDELIVERED, None),
        ("systemfailed", State.UNDELIVERED, None),
        ("unfollowed", State.FAILED, 0),
        ("refused", State.FAILED, 0),
        ("blacklisted", State.FAILED, 0),
        ("early", State.DELIVERED, 1),
        ("twice", State.DELIVERED, 1),
        ("noreceipt", State.SENT, 1),
        ("invalid", State.FAILED, 0),
    ],
)
def test_each_magic_recipient_ends_as_it_says(loop, work, name, state, delivered):
    message = loop.message(magic(name))
    wait_for(message.pk, work, state)
    cards = loop.received()
    if delivered is not None:
        assert sum(card["delivered"] for card in cards) == delivered


def test_a_refusing_recipient_is_marked(loop, work):
    message = loop.message(magic("unfollowed"))
    wait_for(message.pk, work, State.FAILED)
    assert Recipient.objects.get(pk=message.recipient_id).state == "unfollowed"
