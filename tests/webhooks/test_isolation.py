"""An endpoint that hangs and one that is dead delay nobody."""

import threading
import time

import pytest
from django.db import connection

from notifier.models import WebhookDelivery
from notifier.webhooks.courier import Courier
from tests import builders
from tests.webhooks.conftest import end, relay_all
from tests.webhooks.receiver import receiving, respond

EVENTS = 60
HANGING, DEAD = 4, 4
A_WAIT = 60
"""Seconds: had the good one waited for one that hangs, it would not have its events by half."""


def delivered(receiver, release):
    """How many of its events the good one had while the hanging ones hung; then they are let go."""
    courier, stop = Courier(), threading.Event()

    def work():
        while not stop.is_set():
            courier.work()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    until = time.monotonic() + A_WAIT / 2
    while len(receiver.requests) < EVENTS and time.monotonic() < until:
        time.sleep(0.01)
    seen = len(receiver.requests)
    stop.set()
    release.set()
    thread.join()
    courier.finish(10)
    return seen


@pytest.fixture
def slow_to_time_out(settings):
    settings.WEBHOOK_TIMEOUT = A_WAIT


@pytest.mark.usefixtures("slow_to_time_out")
def test_one_that_hangs_and_one_that_is_dead_delay_nobody(service, ask):
    message, release = ask(), threading.Event()
    with receiving() as good, receiving() as hanging:
        good.usual = lambda handler: respond(handler, 200)
        hanging.usual = lambda handler: (release.wait(A_WAIT), respond(handler, 200))
        builders.make_endpoint(service, url=good.url)
        for number in range(HANGING):
            builders.make_endpoint(service, url=f"{hanging.url}/{number}")
        for number in range(DEAD):
            builders.make_endpoint(service, url=f"http://127.0.0.1:9/{number}")
        for one in builders.copies(message, EVENTS):
            end(one)
        relay_all()
        assert delivered(good, release) == EVENTS
        assert hanging.requests
    assert WebhookDelivery.objects.filter(outcome="waiting").count() > EVENTS
