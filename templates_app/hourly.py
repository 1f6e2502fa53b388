"""The hourly sync of every account's templates, in a thread of the clock: WeChat may be slow."""

import logging
import threading

from django.db import close_old_connections
from django.utils import timezone

from notifier.wechat.errors import WeChatError
from templates_app.models import OfficialAccount
from templates_app.sync import sync
from templates_app.wechat import client_for

log = logging.getLogger(__name__)

EVERY_SECONDS, FIRST_SECONDS = 3600, 60


def start(stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=_run, args=(stop,), name="templates", daemon=True)
    thread.start()
    return thread


def sync_all() -> None:
    close_old_connections()
    for account in OfficialAccount.objects.filter(is_active=True):
        try:
            listed = client_for(account).templates()
        except WeChatError as error:
            log.warning("account %s: templates not synced (%s)", account.slug, type(error).__name__)
            continue
        sync(account, listed, timezone.now())


def _run(stop: threading.Event) -> None:
    wait = FIRST_SECONDS
    while not stop.wait(wait):
        wait = EVERY_SECONDS
        try:
            sync_all()
        except Exception as error:  # the database or Redis is away; the clock itself says so
            log.debug("templates were not synced (%s)", type(error).__name__)
