"""A calling service whose messages are followed, and what moves them."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from notifier.dispatch.moves import move
from notifier.intake.accept import Origin
from notifier.models import (
    ApiClient,
    Message,
    Reason,
    State,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifier.webhooks.courier import Courier
from notifier.webhooks.relay import relay
from templates_app.models import MessageTemplate
from tests import builders
from tests.api.documented import as_documented  # noqa: F401 - a fixture
from tests.webhooks.receiver import Receiver, receiving

Move = Callable[..., Message]


@pytest.fixture
def template(transactional_db: None) -> MessageTemplate:
    return builders.make_template()


@pytest.fixture
def ask(template: MessageTemplate, service: ApiClient) -> Callable[..., Message]:
    """A message that the service asked for."""

    def make(**values: Any) -> Message:
        return builders.make_message(template, origin=Origin(client=service), **values)

    return make


def end(message: Message, state: State = State.CANCELLED, detail: str = "") -> Message:
    """The message gets this state, as from a sweep or from somebody."""
    move({message.pk: message.attempts}, state, timezone.now(), Reason.NONE, detail)
    return message


def relay_all() -> None:
    while relay():
        pass


def one_event(ask: Callable[..., Message], **values: Any) -> Message:
    message = end(ask(**values))
    relay_all()
    return message


@pytest.fixture(autouse=True)
def _all_posted(transactional_db: None) -> Iterator[None]:
    """What a test left in the air ends with it: it would be counted in the next one."""
    yield
    for thread in threading.enumerate():
        if thread.name == "webhook":
            thread.join(20)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def endpoint(service: ApiClient, receiver: Receiver) -> WebhookEndpoint:
    return builders.make_endpoint(service, url=receiver.url)


def carry(seconds: float = 10, courier: Courier | None = None) -> None:
    """Posts what is due, until nothing is in the air."""
    courier = courier or Courier()
    ends = time.monotonic() + seconds
    while courier.work():
        assert time.monotonic() < ends, "the courier does not come to an end"


def make_due() -> None:
    """No waiting for the times of retries and breakers."""
    WebhookDelivery.objects.exclude(due_at=None).update(due_at=timezone.now())
    WebhookEndpoint.objects.update(paused_until=None)


def problems(delivery: WebhookDelivery) -> list[str]:
    """Of its attempts."""
    delivery.refresh_from_db()
    return [entry["problem"] for entry in delivery.log]
