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


def delays_of(receiver, message):
    """From the relay to the good one, in seconds, while all have as many events."""
    for one in builders.copies(message, EVENTS):
        end(one)
    relay_all()
    began, courier = time.monotonic(), Courier()
    stop = threading.Event()

    def work():
        while not stop.is_set():
            courier.work()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    while len(receiver.requests) < EVENTS and time.monotonic() - began < 30:
        time.sleep(0.01)
    stop.set()
    thread.join()
    courier.finish(10)
    return [one.at - began for one in receiver.requests]


@pytest.fixture
def slow_to_time_out(settings):
    settings.WEBHOOK_TIMEOUT = 2


@pytest.mark.usefixtures("slow_to_time_out")
def test_one_that_hangs_and_one_that_is_dead_delay_nobody(service, ask):
    message = ask()
    with receiving() as good, receiving() as hanging:
        good.usual = hanging.usual = lambda handler: respond(handler, 200)
        builders.make_endpoint(service, url=good.url)
        alone = delays_of(good, message)
        good.requests.clear()
        hanging.usual = lambda handler: time.sleep(4)
        for number in range(HANGING):
            builders.make_endpoint(service, url=f"{hanging.url}/{number}")
        for number in range(DEAD):
            builders.make_endpoint(service, url=f"http://127.0.0.1:9/{number}")
        beside = delays_of(good, message)
    assert len(alone) == len(beside) == EVENTS
    # A hanging one costs two seconds for each event: the good one waits for none of them.
    assert max(beside) < max(alone) + 1.5
    assert WebhookDelivery.objects.filter(outcome="waiting").count() > EVENTS
