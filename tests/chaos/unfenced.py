"""A worker whose fences are down, to show that a storm notices: `python -m tests.chaos.unfenced`.

A result is stored whoever holds the row by then, and a call begins however old its lease is.
"""

import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.core.management import execute_from_command_line
from django.db import transaction
from django.utils import timezone

from notifier.dispatch import sender, settle, sql
from notifier.dispatch.claim import Claimed
from notifier.dispatch.send import Attempt
from notifier.models import Message
from notifier.wechat.client import WeChatClient

_honest_attempt = sender.attempt


async def attempt(client: WeChatClient, claimed: Claimed, call_seconds: float) -> Attempt:
    endless = replace(claimed, lease_until=timezone.now() + timedelta(hours=1))
    return replace(await _honest_attempt(client, endless, call_seconds), claimed=claimed)


def store(
    attempts: list[Attempt], now: datetime, jitter: Callable[[], float] = random.random
) -> int:
    with transaction.atomic():
        for one in attempts:
            step = settle._step(one, now, jitter)
            values = settle._values(one, step, now) if one.kind else settle._back(one, step)
            Message.objects.filter(pk=one.claimed.id).update(**values)
        sql.record_results([settle._result(one) for one in attempts], now)
    return len(attempts)


if __name__ == "__main__":
    sender.attempt, settle.settle = attempt, store
    execute_from_command_line(["manage.py", *sys.argv[1:]])
