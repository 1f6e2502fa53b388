"""The RQ job that works on kept pushes: receipts move messages, follow events move recipients."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, transaction
from django.utils import timezone

from notifier import metrics
from notifier.dispatch.lanes import Wake, clear, wake_job
from notifier.dispatch.waker import Waker
from notifier.models import UNMOVED, Push, Recipient, RecipientState
from notifier.receipts.delivery import settle_receipts

BATCH = 500
FLAG = "hongyan:wake:receipts"
WAKE = Wake(FLAG, "receipts", "notifier.receipts.process.process_pushes")
waker = Waker(gather_seconds=0.25)
"""WeChat pushes receipts one by one: a job for each costs more than the message's sending did."""


def tick(now: datetime) -> None:
    """From the clock, every second: receipts that wait for their message."""
    if Push.objects.filter(due_at__lte=now).exists():
        wake_job(WAKE)


def process_pushes() -> None:
    close_old_connections()
    clear(FLAG)  # before the look: a push kept after it sets the flag anew
    slice_ends = time.monotonic() + settings.DISPATCH_SLICE_SECONDS
    while _process_batch(timezone.now()) == BATCH:
        if time.monotonic() > slice_ends:  # the worker sends, too
            return wake_job(WAKE)


def _process_batch(now: datetime) -> int:
    with transaction.atomic():
        pushes = list(
            Push.objects.select_for_update(skip_locked=True)
            .filter(due_at__lte=now)
            .order_by("due_at")[:BATCH]
        )
        for event, handle in HANDLERS.items():
            if group := [push for push in pushes if push.event == event]:
                handle(group, now)
        Push.objects.bulk_update(pushes, ["due_at", "outcome"])
    for outcome, count in Counter(push.outcome for push in pushes).items():
        metrics.receipts.labels(outcome).inc(count)
    return len(pushes)


def _follow(pushes: list[Push], now: datetime) -> None:
    for push in pushes:
        recipient, _ = Recipient.objects.get_or_create(
            account_id=push.account_id, openid=push.openid
        )
        _move(recipient, RecipientState.FOLLOWING, push)


def _unfollow(pushes: list[Push], now: datetime) -> None:
    for push in pushes:
        known = Recipient.objects.filter(account_id=push.account_id, openid=push.openid)
        if recipient := known.first():
            _move(recipient, RecipientState.UNFOLLOWED, push)
        else:
            push.due_at, push.outcome = None, "unknown_recipient"


def _move(recipient: Recipient, state: RecipientState, push: Push) -> None:
    """By WeChat's time, not ours: events can overtake each other. A blacklisting is lifted only
    by the operator, whose decision it was."""
    push.due_at = None
    # WeChat's clock has whole seconds: a change of ours within that second is not newer.
    if recipient.state_since and push.happened_at + timedelta(seconds=1) <= recipient.state_since:
        push.outcome = "outdated"
        return
    if recipient.state not in UNMOVED:
        recipient.state = state
    if state is RecipientState.FOLLOWING:  # a new follow is a new consent
        # A refusal that came after it stands.
        recipient.suppressions.filter(since__lt=push.happened_at + timedelta(seconds=1)).delete()
    recipient.state_since = push.happened_at
    recipient.save(update_fields=["state", "state_since"])
    push.outcome = "applied"


HANDLERS: dict[str, Callable[[list[Push], datetime], None]] = {
    "subscribe": _follow,
    "unsubscribe": _unfollow,
    "templatesendjobfinish": settle_receipts,
}
