"""The hourly sync of every account's templates."""

import logging

from django.db import close_old_connections
from django.utils import timezone

from notifier.wechat.errors import WeChatError
from templates_app.models import OfficialAccount
from templates_app.sync import sync
from templates_app.wechat import client_for

log = logging.getLogger(__name__)


def sync_all() -> None:
    close_old_connections()
    for account in OfficialAccount.objects.filter(is_active=True):
        try:
            listed = client_for(account).templates()
        except WeChatError as error:
            log.warning("account %s: templates not synced (%s)", account.slug, type(error).__name__)
            continue
        sync(account, listed, timezone.now())
