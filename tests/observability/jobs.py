"""Jobs that write a line, or fail."""

import logging

from notifier.models import Message
from templates_app.models import OfficialAccount
from tests.chaos.leaks import EMAIL, PHONE

log = logging.getLogger(__name__)


def complain(text: str) -> None:
    log.warning(text)


def fail(text: str) -> None:
    raise ValueError(text)


def fail_privately() -> None:
    account = OfficialAccount.objects.order_by("pk")[0]
    message = Message.objects.order_by("pk")[0]
    raise ValueError(f"secret={account.app_secret} to {message.openid}, {PHONE}, {EMAIL}")
