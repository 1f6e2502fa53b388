"""A due message, claims of it, and results to settle."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from notifier.dispatch import clock, gate
from notifier.dispatch.claim import Claimed, claim
from notifier.dispatch.lanes import Lane
from notifier.dispatch.send import Attempt
from notifier.models import Message, Priority, State
from notifier.wechat.errors import Kind
from tests import builders


@pytest.fixture
def message(transactional_db: None) -> Message:
    return builders.make_message()


def lane_of(message: Message) -> Lane:
    return Lane(message.account_id, Priority(message.priority))


def claim_one(message: Message, now: datetime | None = None) -> Claimed:
    (claimed,) = claim(lane_of(message), 10, now or timezone.now()).rows
    return claimed


def answered(claimed: Claimed, kind: Kind | None = Kind.OK, **values: Any) -> Attempt:
    defaults = {"msgid": "77", "errcode": 0} if kind is Kind.OK else {}
    return Attempt(claimed, kind, **defaults | values)


def states(message: Message) -> list[str]:
    """The states of its events, in order."""
    return list(message.events.values_list("state", flat=True))


def hurry(work: Callable[[], None], rounds: int = 6) -> None:
    """Works until nothing waits, without waiting for the times of retries."""
    for _ in range(rounds):
        work()
        waiting = Message.objects.filter(state=State.QUEUED)
        if not waiting.update(due_at=timezone.now()):
            return
        clock.tick(timezone.now())


def total(**filters):
    return Message.objects.filter(**filters).count()


def fault(platform, **values):
    platform.simulator.control("POST", "/faults", values)


def calls(platform):
    return sum(card["requests"] for card in platform.received())


def condition(platform):
    return gate.condition(platform.account, timezone.now())


def work_again(work):
    """What the clock does a second later."""
    clock.tick(timezone.now())
    work()
