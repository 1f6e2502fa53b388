"""The RQ job that empties a lane: claims what the gate grants while the sender has room."""

import time
from contextlib import suppress
from datetime import datetime

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from redis import RedisError

from notifier.dispatch import gate, holds, sandbox, spacing
from notifier.dispatch.claim import Place, claim
from notifier.dispatch.gate import Grant, Limits
from notifier.dispatch.lanes import Lane, clear, queue, wake
from notifier.dispatch.sender import sender
from notifier.models import Priority, Reason
from notifier.wechat.client import WeChatClient
from templates_app.models import OfficialAccount
from templates_app.wechat import client_for

SHORT_SECONDS = 0.15
"""A pace is waited for here if its turn comes so soon; else the clock wakes the lane."""


def drain_lane(account_id: int, priority: int) -> None:
    """RQ runs it at least once; correctness lies in the claims."""
    close_old_connections()
    lane = Lane(account_id, Priority(priority))
    clear(lane.flag)  # before the claim: a message committed after it sets the flag anew
    account = OfficialAccount.objects.filter(pk=account_id, is_active=True).first()
    if account is not None and drain(lane, account, client_for(account)):
        wake(lane)


def drain(lane: Lane, account: OfficialAccount, client: WeChatClient) -> bool:
    """Hands rows to the sender for a slice of time; True when rows may be left.

    It does not wait for their answers: those are settled by the sender. Half a claim before the
    sender runs dry the next is made, so that no call waits for the database.
    """
    limits = Limits.of(account)
    slice_ends = time.monotonic() + settings.DISPATCH_SLICE_SECONDS
    after: Place | None = None  # where the last claim ended; each slice begins with the oldest row
    while not sender().stopping.is_set() and time.monotonic() < slice_ends:
        if not sender().wait_for_room(lane, slice_ends - time.monotonic()):
            return True
        now, granted_at = timezone.now(), time.monotonic()
        grant = gate.ask(account.pk, settings.DISPATCH_CLAIM_SIZE, lane.priority, limits, now)
        if grant.count == 0:
            if not _wait(grant, now, account.pk):
                return False
            continue
        batch = claim(lane, grant.count, now, grant.is_probe, after)
        is_full = batch.is_full and not grant.is_probe
        if is_full:
            wake(lane)  # an idle worker anywhere joins in
        ready, held = holds.part(sandbox.part(batch.rows), now)
        ready, resting = spacing.part(ready, account.recipient_spacing, now)
        sender().hand_back(held + resting)
        with suppress(RedisError):  # what is claimed must be sent all the same
            gate.give_back(account.pk, grant.count - len(ready), grant)
        if ready:
            sender().submit(client, limits, ready, granted_at)
        if not is_full and after is None:
            return False
        after = batch.last if is_full else None
        if lane.priority is not Priority.URGENT and len(queue("urgent")):
            return True
    return True


def _wait(grant: Grant, now: datetime, account_id: int) -> bool:
    """False: the clock wakes the lane when its time has come."""
    if grant.reason is Reason.ACCOUNT:
        sender().hold(account_id)
    if grant.reason is not Reason.PACE or grant.until is None:
        return False
    seconds = (grant.until - now).total_seconds()
    return seconds <= SHORT_SECONDS and not sender().stopping.wait(max(seconds, 0.001))
