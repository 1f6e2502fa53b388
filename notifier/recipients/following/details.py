"""The last two steps of a pass: what WeChat tells of new followers, and the tags.

Tags come from their member lists, 10,000 a call; details are asked for once for each follower, a
hundred a call (unionid, and since when they follow).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from notifier.models import FollowerSync, Recipient, RecipientState, SyncPhase, WeChatTag
from notifier.models.syncs import SeenFollower
from notifier.recipients.claims import Claim
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import Refused

DETAILS_A_CALL = 100
BATCH = 2000
WRONG_OPENID, NO_SUCH_TAG = 40003, 45159
SYSTEM_TAGS = (0, 1)
"""WeChat's own: ungrouped, and the blacklist."""

Through = Recipient.tags.through


def read_details(claim: Claim[FollowerSync], client: WeChatClient) -> None:
    """In the order of our ids: `cursor` is the last one that was asked about."""
    people = Recipient.objects.filter(
        account_id=claim.row.account_id, state=RecipientState.FOLLOWING, followed_at=None
    )
    while True:
        claim.go_on()
        after = people.filter(pk__gt=int(claim.row.cursor or 0)).order_by("pk")
        rows = list(after.only("pk", "openid", "unionid", "account_id")[:DETAILS_A_CALL])
        if not rows:
            return claim.keep(phase=SyncPhase.TAGS, cursor="")
        told = {one["openid"]: one for one in _details(client, [row.openid for row in rows])}
        with transaction.atomic():
            count = _store(rows, told)
            claim.keep(cursor=str(rows[-1].pk), detailed=claim.row.detailed + count, attempts=0)


def _details(client: WeChatClient, openids: list[str]) -> list[dict[str, Any]]:
    """One OpenID that WeChat does not know spoils the whole call: the others are asked again."""
    try:
        return client.follower_details(openids)
    except Refused as error:
        if error.errcode != WRONG_OPENID:
            raise
    if len(openids) == 1:
        return []
    middle = len(openids) // 2
    return _details(client, openids[:middle]) + _details(client, openids[middle:])


def _store(rows: list[Recipient], told: dict[str, dict[str, Any]]) -> int:
    followers = [row for row in rows if told.get(row.openid, {}).get("subscribe")]
    unionids = {union for one in told.values() if (union := one.get("unionid"))}
    # What WeChat says outweighs what somebody imported for another person.
    owned = Recipient.objects.filter(account_id=rows[0].account_id, unionid__in=unionids)
    owned.update(unionid="")
    for row in followers:
        seconds = told[row.openid].get("subscribe_time")
        row.followed_at = datetime.fromtimestamp(seconds, UTC) if seconds else None
        kept = "" if row.unionid in unionids else row.unionid
        row.unionid = str(told[row.openid].get("unionid") or kept)
    Recipient.objects.bulk_update(followers, ["followed_at", "unionid"])
    return len(followers)


def read_tags(claim: Claim[FollowerSync], client: WeChatClient) -> None:
    """In the order of WeChat's ids, so that a pass that is broken off goes on with its tag."""
    known = _known_tags(claim.row.account_id, client.tags())
    for tag in sorted(known, key=lambda tag: tag.wechat_id):
        if tag.wechat_id < (claim.row.tag_id or 0):
            continue
        if tag.wechat_id != claim.row.tag_id:
            claim.keep(tag_id=tag.wechat_id, cursor="")
        _read_members(claim, client, tag)


def _known_tags(account_id: int, told: Iterable[dict[str, Any]]) -> list[WeChatTag]:
    """Renamed ones keep their members; those that WeChat has no more are gone, unless a segment
    asks for them: then they are empty."""
    rows = [
        WeChatTag(account_id=account_id, wechat_id=int(one["id"]), name=str(one["name"])[:64])
        for one in told
        if int(one["id"]) not in SYSTEM_TAGS
    ]
    WeChatTag.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account", "wechat_id"],
        update_fields=["name"],
    )
    ours = WeChatTag.objects.filter(account_id=account_id)
    gone = ours.exclude(wechat_id__in=[row.wechat_id for row in rows])
    Through.objects.filter(wechattag__in=gone).delete()
    gone.filter(segment=None).delete()
    return list(ours.filter(wechat_id__in=[row.wechat_id for row in rows]))


def _read_members(claim: Claim[FollowerSync], client: WeChatClient, tag: WeChatTag) -> None:
    while True:
        claim.go_on()
        try:
            page = client.tag_members(tag.wechat_id, claim.row.cursor)
        except Refused as error:
            if error.errcode == NO_SUCH_TAG:  # deleted since the list was read
                return
            if error.errcode != WRONG_OPENID or not claim.row.cursor:
                raise
            claim.keep(cursor="")
            continue
        with transaction.atomic():
            _note_members(claim.row, tag, page.openids)
            if not page.following:
                _drop_others(claim.row, tag)
            claim.keep(cursor=page.following, attempts=0)
        if not page.following:
            return


def _note_members(sync: FollowerSync, tag: WeChatTag, openids: list[str]) -> None:
    SeenFollower.objects.bulk_create(
        [SeenFollower(sync=sync, tag_id=tag.wechat_id, openid=openid) for openid in openids],
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    people = Recipient.objects.filter(account_id=sync.account_id, openid__in=openids)
    Through.objects.bulk_create(
        [
            Through(recipient_id=pk, wechattag_id=tag.pk)
            for pk in people.values_list("pk", flat=True)
        ],
        batch_size=BATCH,
        ignore_conflicts=True,
    )


def _drop_others(sync: FollowerSync, tag: WeChatTag) -> None:
    """Who has the tag no more, only now that the list was read to its end."""
    listed = SeenFollower.objects.filter(
        sync=sync, tag_id=tag.wechat_id, openid=OuterRef("recipient__openid")
    )
    Through.objects.filter(~Exists(listed), wechattag=tag).delete()
    SeenFollower.objects.filter(sync=sync, tag_id=tag.wechat_id).delete()
