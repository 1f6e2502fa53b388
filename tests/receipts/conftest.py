"""A sent message whose receipt is awaited."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.models import Message, State
from templates_app.models import OfficialAccount
from tests import builders

MSGID = "3557254367693750277"


@pytest.fixture
def account(transactional_db: None) -> OfficialAccount:
    return builders.make_account()


@pytest.fixture
def sent(account: OfficialAccount) -> Message:
    return as_sent(builders.make_message(builders.make_template(account)))


def as_sent(message: Message, msgid: str = MSGID) -> Message:
    sent_at = timezone.now() - timedelta(seconds=1)
    return builders.set_message(message, state=State.SENT, msgid=msgid, sent_at=sent_at, attempts=1)


def events(message: Message) -> list[str]:
    return list(message.events.values_list("state", flat=True))
