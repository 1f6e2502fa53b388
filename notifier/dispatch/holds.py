"""Templates that WeChat refuses again and again are held: their messages wait for an operator."""

import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from redis import RedisError

from notifier.acting import SYSTEM, acting
from notifier.dispatch.claim import Claimed
from notifier.dispatch.lanes import redis
from notifier.dispatch.send import Attempt, Wait
from notifier.models import Message, Priority, Reason, State
from notifier.wechat.errors import Kind
from templates_app.models import MessageTemplate

log = logging.getLogger(__name__)

REFUSALS = 10
"""So many in a row, with no success between them. A single one can be WeChat's fault: its platform
gave sporadic 40037 for 11 minutes on 2022-04-18 (developer community)."""
KEEP_SECONDS = 24 * 3600
PATIENCE = timedelta(hours=1)
"""How long a held message is left alone; the release wakes it at once."""


def count_refusals(attempts: Iterable[Attempt], now: datetime) -> None:
    """Raises RedisError."""
    refused: Counter[int] = Counter()
    accepted: set[int] = set()
    last: dict[int, Attempt] = {}
    for one in attempts:
        if one.kind is Kind.OK:
            accepted.add(one.claimed.template_id)
        elif one.kind is Kind.TEMPLATE:
            refused[one.claimed.template_id] += 1
            last[one.claimed.template_id] = one
    if not accepted and not refused:
        return
    with redis().pipeline(transaction=False) as pipe:
        for template_id in accepted:
            pipe.delete(_key(template_id))
        in_a_row = [pk for pk in refused if pk not in accepted]
        for template_id in in_a_row:
            pipe.incrby(_key(template_id), refused[template_id])
            pipe.expire(_key(template_id), KEEP_SECONDS)
        answers = pipe.execute()[len(accepted) :: 2]
    for template_id, count in zip(in_a_row, answers, strict=True):
        if count >= REFUSALS:
            _hold(template_id, last[template_id], now)


def part(batch: list[Claimed], now: datetime) -> tuple[list[Claimed], list[tuple[Claimed, Wait]]]:
    """(what may go, what waits for its template)."""
    wait = Wait(Reason.TEMPLATE, now + PATIENCE)
    held = [(claimed, wait) for claimed in batch if claimed.template_is_held]
    return [claimed for claimed in batch if not claimed.template_is_held], held


def release(template_id: int, now: datetime) -> int:
    """What waited for the template goes on at once; how many messages that were."""
    with suppress(RedisError):
        redis().delete(_key(template_id))
    waiting = Message.objects.filter(
        version__template=template_id, state=State.QUEUED, reason=Reason.TEMPLATE
    )
    return _let_go(waiting, now)


def release_quota(account_id: int, now: datetime) -> int:
    """What WeChat refused for a used-up quota, and the quota is there again before its time."""
    waiting = Message.objects.filter(
        account=account_id,
        priority__in=Priority.values,  # what the index of rows by their time has before it
        state=State.QUEUED,
        reason=Reason.QUOTA,
        due_at__gt=now,
    )
    return _let_go(waiting, now)


def _let_go(waiting: QuerySet[Message], now: datetime) -> int:
    with transaction.atomic():
        # In the order of ids, as everybody who locks several.
        locked = waiting.order_by("pk").select_for_update().values("pk")
        return Message.objects.filter(pk__in=locked).update(due_at=now, reason="")


def release_missed(attempts: Iterable[Attempt], now: datetime) -> None:
    """Rows that were claimed as held while the template was released: the release did not see
    them, for they were not waiting yet."""
    waits = {
        one.claimed.template_id
        for one in attempts
        if one.wait is not None and one.wait.reason is Reason.TEMPLATE
    }
    if waits:
        free = MessageTemplate.objects.filter(pk__in=waits, held_since=None)
        for template_id in free.values_list("pk", flat=True):
            release(template_id, now)


def _hold(template_id: int, last: Attempt, now: datetime) -> None:
    because = f"errcode {last.errcode}: {last.detail}"
    free = MessageTemplate.objects.filter(pk=template_id, held_since=None)
    with acting(lambda: SYSTEM):  # operators are asked who held it
        held = free.update(held_since=now, held_because=because[:300])
    if held:
        log.error(
            "template %d is held: WeChat refused it %d times in a row (%s)",
            template_id,
            REFUSALS,
            because,
        )


def _key(template_id: int) -> str:
    return f"hongyan:template-refusals:{template_id}"
