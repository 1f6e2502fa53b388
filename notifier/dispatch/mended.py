"""The operator has mended something: what waited for it goes on at once. Connected in apps.py."""

import logging
from contextlib import suppress
from typing import Any, cast

from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import post_save
from django.utils import timezone
from django_redis.exceptions import ConnectionInterrupted
from redis import RedisError

from notifier.dispatch import gate, holds
from notifier.wechat.errors import WeChatError
from notifier.wechat.tokens import TokenCache, forget_failure
from templates_app.models import MessageTemplate, OfficialAccount
from templates_app.signals import template_released
from templates_app.wechat import client_for

log = logging.getLogger(__name__)


def try_now(account: OfficialAccount) -> None:
    """The next message is a probe, in place of one in half a minute, and asks for a token even if
    that was refused a moment ago; what waits for the quota's reset goes. Raises RedisError."""
    now = timezone.now()
    _probe(account)
    if gate.condition(account, now).parked_until is not None:
        gate.unpark(account.pk, _used(account), now)
    holds.release_quota(account.pk, now)  # also where Redis has forgotten that it was parked


def _used(account: OfficialAccount) -> int | None:
    """Our own count knows nothing of a quota that was cleared at WeChat."""
    with suppress(WeChatError):
        return client_for(account).send_quota().get("used")
    return None


def _probe(account: OfficialAccount) -> None:
    gate.probe_now(account.pk)
    with suppress(ConnectionInterrupted):
        forget_failure(cast(TokenCache, cache), account.appid)


def try_account_again(instance: OfficialAccount, **_kwargs: Any) -> None:
    transaction.on_commit(lambda: _try(instance))


def _try(account: OfficialAccount) -> None:
    with suppress(RedisError):
        _probe(account)


def wake_template(template: MessageTemplate, **_kwargs: Any) -> None:
    count = holds.release(template.pk, timezone.now())
    log.info("template %s is released; %d messages go on", template.code, count)


def connect() -> None:
    post_save.connect(try_account_again, sender=OfficialAccount)
    template_released.connect(wake_template)
