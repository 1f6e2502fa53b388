"""A dead token and a wrong secret in the middle of sends."""

import threading
import time

from django.utils import timezone

from notifier.dispatch import clock
from notifier.models import Message, Reason, State
from tests import builders
from tests.dispatch.conftest import hurry


def kill_when_accepted(platform, count):
    while platform.counters()["accepted"] < count:
        time.sleep(0.005)
    platform.simulator.control("POST", "/kill-token", {"appid": platform.account.appid})


def test_a_token_killed_in_the_middle_is_replaced_once_and_nothing_fails(platform, work):
    platform.simulator.control("POST", "/latency", {"median_ms": 5, "sigma": 0})
    builders.copies(platform.message(), 399)
    killer = threading.Thread(target=kill_when_accepted, args=(platform, 100))
    killer.start()
    work()
    killer.join()
    assert set(Message.objects.values_list("state", "attempts")) == {(State.SENT, 1)}
    counters = platform.counters()
    assert counters["stable_token_fetches"] == 2
    assert counters["accepted"] == 400
    assert 1 <= counters["rejected"].get("40001", 0) <= 16


def test_a_wrong_secret_leaves_the_messages_in_the_queue(platform, work):
    platform.configure(secret="another")
    builders.copies(platform.message(), 49)
    work()
    rows = set(Message.objects.values_list("state", "reason", "errcode"))
    assert rows == {(State.QUEUED, Reason.ACCOUNT, 40125)}
    counters = platform.counters()
    assert counters["sends"] == 0


def test_a_wrong_secret_is_not_tried_over_and_over(platform, work):
    platform.configure(secret="another")
    platform.simulator.control(
        "POST", "/faults", {"errcode": 40125, "path": "/cgi-bin/stable_token"}
    )
    builders.copies(platform.message(), 49)
    work()
    requests = token_calls(platform)
    assert requests <= 2


def token_calls(platform):
    return platform.counters()["stable_token_fetches"]


def test_the_messages_leave_when_the_secret_is_right_again(platform, work):
    platform.configure(ip_not_whitelisted="10.0.0.1")
    message = platform.message()
    work()
    message.refresh_from_db()
    assert (message.state, message.errcode) == (State.QUEUED, 40164)
    platform.configure(ip_not_whitelisted="")
    platform.account.save()  # the operator saves the account anew
    hurry_after_failure(work)
    message.refresh_from_db()
    assert message.state == State.SENT


def hurry_after_failure(work):
    from django.core.cache import cache

    cache.clear()  # as the few seconds of negative caching would
    Message.objects.update(due_at=timezone.now())
    clock.tick(timezone.now())
    hurry(work)
