"""user/get, user/info, user/info/batchget: an account's followers as we know them.

Of a person WeChat itself tells no more than this since 2021; names and the like stay with us.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from notifier.gateway.answers import Refusal
from notifier.gateway.bodies import read_json
from notifier.gateway.callers import Caller
from notifier.gateway.sending import OPENID
from notifier.models import Recipient, RecipientState

PAGE = 10_000
BATCH = 100
FOLLOWS = (RecipientState.FOLLOWING, RecipientState.REFUSED, RecipientState.BLACKLISTED)
"""Who refuses messages, or may get none, follows all the same."""
LISTED = (RecipientState.FOLLOWING, RecipientState.REFUSED)


def listed(caller: Caller, query: Mapping[str, str], _body: bytes) -> dict[str, Any]:
    """In the order of OpenIDs: a page begins after one, whether or not that one still follows."""
    after = query.get("next_openid", "")
    if after and not OPENID.fullmatch(after):
        raise Refusal(40003)
    people = _seen(caller).filter(state__in=(*LISTED, RecipientState.SANDBOX))
    following = people.filter(openid__gt=after) if after else people
    page = list(following.order_by("openid").values_list("openid", flat=True)[:PAGE])
    shown: dict[str, Any] = {"total": people.count(), "count": len(page)}
    if page:
        shown["data"] = {"openid": page}
    return shown | {"next_openid": page[-1] if page else ""}


def info(caller: Caller, query: Mapping[str, str], _body: bytes) -> dict[str, Any]:
    return _infos(caller, [query.get("openid", "")])[0]


def batch(caller: Caller, _query: Mapping[str, str], body: bytes) -> dict[str, Any]:
    wanted = read_json(body).get("user_list")
    if not isinstance(wanted, list) or not 0 < len(wanted) <= BATCH:
        raise Refusal(40032)
    openids = [one.get("openid") if isinstance(one, dict) else None for one in wanted]
    return {"user_info_list": _infos(caller, openids)}


def _seen(caller: Caller) -> QuerySet[Recipient]:
    """A test key sees the sandbox alone, and others all but it."""
    people = Recipient.objects.filter(account_id=caller.account_id)
    sandbox = Q(state=RecipientState.SANDBOX)
    return people.filter(sandbox) if caller.key.is_test else people.exclude(sandbox)


def _infos(caller: Caller, openids: Iterable[Any]) -> list[dict[str, Any]]:
    wanted = [one if isinstance(one, str) and OPENID.fullmatch(one) else "" for one in openids]
    people = _seen(caller).filter(openid__in=wanted)
    known = {
        one.openid: one
        for one in people.exclude(state=RecipientState.ERASED).prefetch_related("tags")
    }
    if any(openid not in known for openid in wanted):
        raise Refusal(40003)
    return [_info(known[openid]) for openid in wanted]


def _info(person: Recipient) -> dict[str, Any]:
    if person.state not in FOLLOWS:
        return {"subscribe": 0, "openid": person.openid, "tagid_list": []}
    since = person.followed_at or person.created_at
    union = {"unionid": person.unionid} if person.unionid else {}
    return {
        "subscribe": 1,
        "openid": person.openid,
        "language": "zh_CN",
        "subscribe_time": int(since.timestamp()),
        **union,
        "remark": "",
        "groupid": 0,
        "tagid_list": sorted(tag.wechat_id for tag in person.tags.all()),
        "subscribe_scene": "ADD_SCENE_OTHERS",
        "qr_scene": 0,
        "qr_scene_str": "",
    }
