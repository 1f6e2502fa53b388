"""A calling service whose messages are followed, and what moves them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from notifier.dispatch.moves import move
from notifier.intake.accept import Origin
from notifier.models import ApiClient, Message, Reason, State
from notifier.webhooks.relay import relay
from templates_app.models import MessageTemplate
from tests import builders

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
