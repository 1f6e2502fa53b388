"""The clock's care for tokens: the next one is there before the old one ends."""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections
from django.utils import timezone
from redis import RedisError

from notifier.dispatch import gate
from notifier.dispatch.gate import Limits, Report
from notifier.wechat.errors import Kind, WeChatError, token_error_kind
from notifier.wechat.tokens import TokenRefused
from templates_app.models import OfficialAccount
from templates_app.wechat import client_for

log = logging.getLogger(__name__)

AT_ONCE = 8


def renew_tokens() -> None:
    """Of every active account whose breaker is closed; the others are tried by their probes."""
    close_old_connections()
    accounts = list(OfficialAccount.objects.filter(is_active=True))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(_renew, accounts))


def _renew(account: OfficialAccount) -> None:
    """Touches no database."""
    now = timezone.now()
    try:
        if gate.condition(account, now).open_since is None and client_for(account).renew_token():
            log.info("account %s has a fresh token", account.slug)
    except TokenRefused as error:
        # While the old token lasts, sends go on, and nothing is stopped before it must be.
        if token_error_kind(error.errcode) is Kind.ACCOUNT and not client_for(account).has_token():
            cause = f"errcode {error.errcode}: {error.errmsg}"
            gate.tell(account.pk, Report(cause=cause), Limits(0, 0, 0), now)
            log.error("account %s cannot send (%s)", account.slug, cause)
    except (WeChatError, RedisError) as error:
        log.warning("account %s: no fresh token (%s)", account.slug, type(error).__name__)
