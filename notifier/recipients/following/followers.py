"""The first two steps of a pass: the follower list page by page, then who is not in it.

Nobody is marked as gone before the list was read to its end, and hardly anybody at once: a list
that is much shorter than WeChat says is an incomplete one.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from notifier.models import FollowerSync, Recipient, RecipientState, Suppression, SyncPhase
from notifier.models.syncs import SeenFollower
from notifier.recipients.claims import Claim
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import Refused

BATCH = 2000
COMPLETE = 0.95
"""Of WeChat's total: people follow and leave while the list is read."""
WRONG_CURSOR = 40003


class Incomplete(Exception):
    """The text is an English msgid."""


INCOMPLETE = gettext_noop("WeChat's list was incomplete, so nobody was marked as gone.")


def read_followers(claim: Claim[FollowerSync], client: WeChatClient) -> None:
    while True:
        claim.go_on()
        try:
            page = client.followers(claim.row.cursor)
        except Refused as error:
            if error.errcode != WRONG_CURSOR or not claim.row.cursor:
                raise
            claim.keep(cursor="")  # who stood there has left meanwhile: from the start again
            continue
        with transaction.atomic():
            new, returned = _take_in(claim.row, page.openids)
            seen = SeenFollower.objects.filter(sync=claim.row, tag_id=0).count()
            claim.keep(
                cursor=page.following,
                total=page.total or claim.row.total,
                seen=seen,
                new=claim.row.new + new,
                returned=claim.row.returned + returned,
                attempts=0,
            )
        if not page.following:
            return claim.keep(phase=SyncPhase.LEAVERS, cursor="")


def _take_in(sync: FollowerSync, openids: list[str]) -> tuple[int, int]:
    """(new, follow again)"""
    SeenFollower.objects.bulk_create(
        [SeenFollower(sync=sync, openid=openid) for openid in openids],
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    people = Recipient.objects.filter(account_id=sync.account_id, openid__in=openids)
    known = set(people.values_list("openid", flat=True))
    fresh = [openid for openid in dict.fromkeys(openids) if openid not in known]
    Recipient.objects.bulk_create(
        [Recipient(account_id=sync.account_id, openid=openid) for openid in fresh],
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    return len(fresh), _return(people, sync.created_at)


def _return(people: QuerySet[Recipient], began: datetime) -> int:
    """As a follow event does it; what happened after the pass began is newer than its list."""
    back = people.filter(_before(began), state=RecipientState.UNFOLLOWED)
    ids = list(back.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    Suppression.objects.filter(recipient__in=ids).delete()
    return int(
        Recipient.objects.filter(pk__in=ids).update(
            state=RecipientState.FOLLOWING, state_since=began, followed_at=None
        )
    )


def _before(began: datetime) -> Q:
    return Q(state_since=None) | Q(state_since__lt=began)


def mark_leavers(claim: Claim[FollowerSync], _client: WeChatClient) -> None:
    """Raises Incomplete; then nobody was marked."""
    sync = claim.row
    ours = Recipient.objects.filter(account_id=sync.account_id, state=RecipientState.FOLLOWING)
    if sync.seen < sync.total * COMPLETE or (not sync.seen and ours.exists()):
        raise Incomplete(INCOMPLETE)
    listed = SeenFollower.objects.filter(sync=sync, tag_id=0, openid=OuterRef("openid"))
    gone = ours.filter(_before(sync.created_at), ~Exists(listed), created_at__lt=sync.created_at)
    with transaction.atomic():
        left = gone.update(state=RecipientState.UNFOLLOWED, state_since=sync.created_at)
        SeenFollower.objects.filter(sync=sync).delete()
        claim.keep(left=sync.left + left, phase=SyncPhase.DETAILS, cursor="")
