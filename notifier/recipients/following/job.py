"""The RQ job of a follower sync, its start by hand and by the clock."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, close_old_connections, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from notifier.dispatch.lanes import Wake, clear, wake_job
from notifier.models import FollowerSync, SyncPhase, SyncState
from notifier.models.syncs import SeenFollower
from notifier.recipients.claims import ATTEMPTS, Claim, Lost, Stopping
from notifier.recipients.following.details import read_details, read_tags
from notifier.recipients.following.followers import Incomplete, mark_leavers, read_followers
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import Kind, Refused, WeChatError, kind_of
from notifier.wechat.tokens import TokenRefused
from templates_app.models import OfficialAccount
from templates_app.wechat import client_for

log = logging.getLogger(__name__)

GOES_ON = timedelta(hours=12)
"""A failed pass that is younger goes on where it stopped; an older one begins anew."""
NEVER = 24
INTERRUPTED = gettext_noop("It was interrupted again and again.")
Step = Callable[[Claim[FollowerSync], WeChatClient], None]
STEPS: dict[str, Step] = {
    SyncPhase.FOLLOWERS: read_followers,
    SyncPhase.LEAVERS: mark_leavers,
    SyncPhase.DETAILS: read_details,
    SyncPhase.TAGS: read_tags,
}


def start(account: OfficialAccount, by: str = "") -> FollowerSync | None:
    """None: one is running already."""
    now = timezone.now()
    last = FollowerSync.objects.filter(account=account).order_by("-pk").first()
    try:
        with transaction.atomic():
            if last and last.state == SyncState.FAILED and last.created_at > now - GOES_ON:
                FollowerSync.objects.filter(pk=last.pk).update(
                    state=SyncState.RUNNING,
                    error="",
                    attempts=0,
                    finished_at=None,
                    lease_until=None,
                    **({"phase": SyncPhase.FOLLOWERS} if last.phase == SyncPhase.LEAVERS else {}),
                )
                sync = last
            else:
                # What a pass that never went on has noted goes with it.
                SeenFollower.objects.filter(sync__account=account).exclude(
                    sync__state=SyncState.RUNNING
                ).delete()
                sync = FollowerSync.objects.create(account=account, requested_by=by, created_at=now)
    except IntegrityError:
        return None
    transaction.on_commit(lambda: wake(sync.pk))
    return sync


def wake(sync_id: int) -> None:
    """Raises nothing: the clock wakes, too."""
    name = "notifier.recipients.following.job.run"
    wake_job(Wake(_flag(sync_id), settings.BACKGROUND_QUEUE, name, (sync_id,)))


def _flag(sync_id: int) -> str:
    return f"hongyan:wake:sync:{sync_id}"


def run(sync_id: int) -> None:
    close_old_connections()
    clear(_flag(sync_id))
    try:
        claim = Claim(FollowerSync, sync_id, [SyncState.RUNNING])
    except Lost:
        return
    if claim.row.attempts > ATTEMPTS:  # whoever worked on it died, each time
        return _fail(claim, INTERRUPTED)
    try:
        _walk(claim)
    except (Lost, Stopping):
        claim.release()
    except Incomplete as error:
        _fail(claim, str(error))
    except WeChatError as error:
        _trouble(claim, error)


def _walk(claim: Claim[FollowerSync]) -> None:
    client = client_for(OfficialAccount.objects.get(pk=claim.row.account_id))
    while True:
        phase = claim.row.phase
        STEPS[phase](claim, client)
        if phase == SyncPhase.TAGS:
            break
    claim.keep(state=SyncState.DONE, finished_at=timezone.now(), cursor="", tag_id=None)


def _trouble(claim: Claim[FollowerSync], error: WeChatError) -> None:
    """What may be better in a minute is tried again, from where it was; the rest is told."""
    passing = not isinstance(error, Refused) or (
        not isinstance(error, TokenRefused) and kind_of(error.errcode) in (Kind.RETRY, Kind.SLOW)
    )
    if passing and claim.row.attempts < ATTEMPTS:
        log.warning("follower sync %d waits (%s)", claim.row.pk, type(error).__name__)
        return
    text = f"errcode {error.errcode}: {error.errmsg}" if isinstance(error, Refused) else str(error)
    _fail(claim, text)


def _fail(claim: Claim[FollowerSync], text: str) -> None:
    try:
        claim.keep(state=SyncState.FAILED, error=text[:300], finished_at=timezone.now())
    except Lost:
        return
    log.warning("follower sync %d failed in step %s", claim.row.pk, claim.row.phase)


def tick(now: datetime) -> None:
    """From the clock, every second: what nobody works on, and once a night every account."""
    running = FollowerSync.objects.filter(state=SyncState.RUNNING)
    for pk in running.exclude(lease_until__gt=now).values_list("pk", flat=True):
        wake(pk)
    local = timezone.localtime(now)
    if local.hour == settings.FOLLOWER_SYNC_HOUR:
        _start_nightly(local.replace(minute=0, second=0, microsecond=0))


def _start_nightly(hour: datetime) -> None:
    done = FollowerSync.objects.filter(created_at__gte=hour, requested_by="").values("account")
    for account in OfficialAccount.objects.filter(is_active=True).exclude(pk__in=done):
        start(account)
