"""From an account's row to its WeChat client, kept in the process until the row changes."""

import threading
from datetime import datetime
from functools import partial
from typing import cast

from django.conf import settings
from django.core.cache import cache

from notifier.wechat.client import Credentials, WeChatClient
from notifier.wechat.phases import Phases
from notifier.wechat.session import shared_session
from notifier.wechat.tokens import TokenCache
from notifier.wechat.wire import shared_wire
from templates_app.encryption import fernet
from templates_app.models import OfficialAccount
from templates_app.signals import wechat_asked

_clients: dict[int, tuple[datetime, WeChatClient]] = {}
_lock = threading.Lock()


def client_for(account: OfficialAccount) -> WeChatClient:
    with _lock:
        changed_at, client = _clients.get(account.pk, (None, None))
        if client is None or changed_at != account.updated_at:
            client = new_client(account)
            _clients[account.pk] = (account.updated_at, client)
        return client


def addresses_of(account: OfficialAccount) -> tuple[str, ...]:
    """The usual one, then the backups."""
    return (account.api_base_url or settings.WECHAT_API_BASE_URL, *account.backup_addresses)


def new_client(account: OfficialAccount) -> WeChatClient:
    timeout = (settings.WECHAT_CONNECT_TIMEOUT, settings.WECHAT_READ_TIMEOUT)
    return WeChatClient(
        session=shared_session(settings.WECHAT_CA_FILE),
        wire=shared_wire(timeout, settings.WECHAT_CA_FILE),
        credentials=Credentials(account.appid, account.app_secret, account.token_call),
        addresses=addresses_of(account),
        cache=cast(TokenCache, cache),
        cipher=fernet(),
        timeout=timeout,
        told=partial(_asked, account.pk),
    )


def _asked(account: int, call: str, phases: Phases) -> None:
    """A receiver that fails, as on a full disk, takes nothing from the answer."""
    wechat_asked.send_robust(OfficialAccount, account=account, call=call, phases=phases)
