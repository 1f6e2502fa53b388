"""The operator has mended something: what waited for it goes on at once. Connected in apps.py."""

import logging
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.utils import timezone
from redis import RedisError

from notifier.dispatch import gate, holds
from notifier.models import Message, Reason, State
from templates_app.models import MessageTemplate, OfficialAccount
from templates_app.signals import template_released

log = logging.getLogger(__name__)


def try_account_again(instance: OfficialAccount, **_kwargs: Any) -> None:
    """The next message is a probe, in place of one in half a minute."""
    transaction.on_commit(lambda: _probe(instance.pk))


def _probe(account_id: int) -> None:
    with suppress(RedisError):
        gate.probe_now(account_id)


def wake_template(template: MessageTemplate, **_kwargs: Any) -> None:
    with suppress(RedisError):
        holds.forget(template.pk)
    waiting = Message.objects.filter(
        version__template=template, state=State.QUEUED, reason=Reason.TEMPLATE
    )
    count = waiting.update(due_at=timezone.now(), reason="")
    log.info("template %s is released; %d messages go on", template.code, count)


def connect() -> None:
    post_save.connect(try_account_again, sender=OfficialAccount)
    template_released.connect(wake_template)
