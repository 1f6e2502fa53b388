"""The RQ job that empties a lane: claims while the sender has room, in slices of a second."""

import time

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from notifier.dispatch.claim import claim
from notifier.dispatch.lanes import Lane, clear, wake
from notifier.dispatch.sender import sender
from notifier.models import Priority
from notifier.wechat.client import WeChatClient
from templates_app.models import OfficialAccount
from templates_app.wechat import client_for


def drain_lane(account_id: int, priority: int) -> None:
    """RQ runs it at least once; correctness lies in the claims."""
    close_old_connections()
    lane = Lane(account_id, Priority(priority))
    clear(lane.flag)  # before the claim: a message committed after it sets the flag anew
    account = OfficialAccount.objects.filter(pk=account_id, is_active=True).first()
    if account is not None and drain(lane, client_for(account)):
        wake(lane)


def drain(lane: Lane, client: WeChatClient) -> bool:
    """Hands rows to the sender for a slice of time; True when rows may be left.

    It does not wait for their answers: those are settled by the sender. Half a claim before the
    sender runs dry the next is made, so that no call waits for the database.
    """
    limit = settings.DISPATCH_CLAIM_SIZE
    slice_ends = time.monotonic() + settings.DISPATCH_SLICE_SECONDS
    while not sender().stopping.is_set() and time.monotonic() < slice_ends:
        if not sender().wait_for_room(lane.priority, slice_ends - time.monotonic()):
            return True
        batch = claim(lane, limit, timezone.now())
        if not batch:
            return False
        if len(batch) == limit:
            wake(lane)  # an idle worker anywhere joins in
        sender().submit(client, lane.priority, batch)
    return True
