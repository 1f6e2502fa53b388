"""The RQ job that empties a lane: claim -> send -> settle, overlapping, in slices of a second."""

import threading
import time
from functools import partial
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from notifier.dispatch.claim import Claimed, claim
from notifier.dispatch.lanes import Lane, clear, wake
from notifier.dispatch.pool import sender_pool
from notifier.dispatch.send import Attempt, attempt
from notifier.dispatch.settle import settle
from notifier.models import Priority
from notifier.wechat.client import WeChatClient
from templates_app.models import OfficialAccount
from templates_app.wechat import client_for

stopping = threading.Event()
"""Set when the worker was asked to stop: what is in the air is finished, the rest is returned."""

GATHER_SECONDS = 0.05
SETTLE_SIZE = 100


def drain_lane(account_id: int, priority: int) -> None:
    """RQ runs it at least once; correctness lies in the claims."""
    close_old_connections()
    lane = Lane(account_id, Priority(priority))
    clear(lane.flag)  # before the claim: a message committed after it sets the flag anew
    account = OfficialAccount.objects.filter(pk=account_id, is_active=True).first()
    if account is not None and drain(lane, client_for(account)):
        wake(lane)


def drain(lane: Lane, client: WeChatClient) -> bool:
    """Works for a slice of time; True when rows may be left."""
    call_seconds = settings.WECHAT_CONNECT_TIMEOUT + settings.WECHAT_READ_TIMEOUT
    call = partial(_try, client, call_seconds=call_seconds)
    results: SimpleQueue[Attempt] = SimpleQueue()
    limit = settings.DISPATCH_CLAIM_SIZE
    slice_ends = time.monotonic() + settings.DISPATCH_SLICE_SECONDS
    more, in_air = True, 0
    while True:
        # The next claim is made while the last one is in the air.
        if (
            more
            and in_air <= limit // 2
            and time.monotonic() < slice_ends
            and not stopping.is_set()
        ):
            batch = claim(lane, limit, timezone.now())
            if len(batch) == limit:
                wake(lane)  # an idle worker anywhere joins in
            more = bool(batch)
            in_air += len(batch)
            sender_pool().submit(call, batch, results)
            continue
        if not in_air:
            return more
        attempts = _gather(results, min(in_air, SETTLE_SIZE))
        in_air -= len(attempts)
        settle(attempts, timezone.now())


def _try(
    client: WeChatClient, claimed: Claimed, call_seconds: float
) -> Attempt:
    if stopping.is_set():
        return Attempt(claimed, None)
    return attempt(client, claimed, call_seconds)


def _gather(results: "SimpleQueue[Attempt]", most: int) -> list[Attempt]:
    """At least one result, then what comes within a moment: a slow call holds up no settled one."""
    gathered = [results.get()]
    until = time.monotonic() + GATHER_SECONDS
    while len(gathered) < most:
        try:
            gathered.append(results.get(timeout=max(until - time.monotonic(), 0)))
        except Empty:
            break
    return gathered
