"""A dead token and a wrong secret in the middle of sends."""

import threading
import time

from django.core.cache import cache
from django.utils import timezone

from notifier.dispatch import clock
from notifier.models import Message, Reason, State
from tests import builders

TOKEN_PATH = "/cgi-bin/stable_token"


def kill_when_accepted(platform, count):
    deadline = time.monotonic() + 10
    while platform.counters()["accepted"] < count and time.monotonic() < deadline:
        time.sleep(0.005)
    platform.simulator.control("POST", "/kill-token", {"appid": platform.account.appid})


def test_a_token_killed_in_the_middle_is_replaced_once_and_nothing_fails(platform, work):
    platform.simulator.control("POST", "/latency", {"median_ms": 25, "sigma": 0})
    builders.copies(platform.message(), 399)
    killer = threading.Thread(target=kill_when_accepted, args=(platform, 100))
    killer.start()
    work()
    killer.join()
    assert set(Message.objects.values_list("state", "attempts")) == {(State.SENT, 1)}
    counters = platform.counters()
    assert (counters["stable_token_fetches"], counters["accepted"]) == (2, 400)
    # Each call that was in the air with the dead token is repeated once, no more.
    assert 1 <= counters["rejected"].get("40001", 0) < 300


def test_a_wrong_secret_leaves_the_messages_in_the_queue(platform, work):
    platform.configure(secret="another")
    builders.copies(platform.message(), 49)
    work()
    assert set(Message.objects.values_list("state", "reason")) == {(State.QUEUED, Reason.ACCOUNT)}
    assert set(Message.objects.exclude(errcode=None).values_list("errcode", flat=True)) == {40125}
    assert platform.counters()["sends"] == 0


def test_a_wrong_secret_is_not_tried_once_a_message(platform, work):
    """Two of the calls are refused; a third would be granted and the messages would leave."""
    refused = {"errcode": 40125, "path": TOKEN_PATH, "times": 2}
    platform.simulator.control("POST", "/faults", refused)
    builders.copies(platform.message(), 49)
    work()
    assert set(Message.objects.values_list("state", flat=True)) == {State.QUEUED}
    assert platform.counters()["stable_token_fetches"] == 0


def test_the_messages_leave_when_the_account_is_in_order_again(platform, work):
    account = {"appid": platform.account.appid}
    message = platform.message()
    platform.simulator.control("POST", "/accounts", account | {"ip_not_whitelisted": "10.0.0.1"})
    work()
    message.refresh_from_db()
    assert (message.state, message.errcode) == (State.QUEUED, 40164)
    platform.simulator.control("POST", "/accounts", account | {"ip_not_whitelisted": ""})
    cache.clear()  # as the few seconds of negative caching would
    builders.set_message(message, due_at=timezone.now())
    clock.tick(timezone.now())
    work()
    message.refresh_from_db()
    assert message.state == State.SENT
