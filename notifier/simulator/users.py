"""Followers, their details, and the blacklist."""

from typing import Any

from .accounts import Account
from .answers import Answer, Refusal, ok, plain
from .magic import MAGIC
from .world import Request, World

PAGE = 10_000
BATCH = 100
BLACKLIST_PAGE = 1_000
BLACKLIST_BATCH = 20


def _page(openids: list[str], after: str, size: int) -> dict[str, Any]:
    if after and after not in openids:
        raise Refusal(40003)
    start = openids.index(after) + 1 if after else 0
    page = openids[start : start + size]
    shown: dict[str, Any] = {"total": len(openids), "count": len(page)}
    if page:
        shown["data"] = {"openid": page}
    return shown | {"next_openid": page[-1] if page else ""}


def listed(world: World, account: Account, request: Request) -> Answer:
    openids = [row.openid for row in account.followers.values() if row.subscribe]
    if account.lists_magic:
        gone = (40003, 43004)
        openids += [openid for openid, magic in MAGIC.items() if magic.errcode not in gone]
    return plain(_page(openids, request.query().get("next_openid", ""), PAGE))


def _info(account: Account, openid: Any) -> dict[str, Any]:
    if not isinstance(openid, str):
        raise Refusal(40003)
    follower, magic = account.followers.get(openid), MAGIC.get(openid)
    if (follower is None and magic is None) or (magic and magic.errcode == 40003):
        raise Refusal(40003)
    follows = follower.subscribe if follower else magic is not None and magic.errcode != 43004
    if not follows:
        return {"subscribe": 0, "openid": openid, "tagid_list": []}
    return {
        "subscribe": 1,
        "openid": openid,
        "language": "zh_CN",
        "subscribe_time": follower.subscribed_at if follower else 1_700_000_000,
        **({"unionid": follower.unionid} if follower and follower.unionid else {}),
        "remark": "",
        "groupid": 0,
        "tagid_list": [tag.tag_id for tag in account.tags.values() if openid in tag.openids],
        "subscribe_scene": "ADD_SCENE_QR_CODE",
        "qr_scene": 0,
        "qr_scene_str": "",
    }


def info(world: World, account: Account, request: Request) -> Answer:
    return plain(_info(account, request.query().get("openid", "")))


def info_batch(world: World, account: Account, request: Request) -> Answer:
    rows = request.json().get("user_list")
    if not isinstance(rows, list) or not 0 < len(rows) <= BATCH:
        raise Refusal(40032)
    openids = [row.get("openid") if isinstance(row, dict) else None for row in rows]
    return plain({"user_info_list": [_info(account, openid) for openid in openids]})


def blacklist(world: World, account: Account, request: Request) -> Answer:
    begin = str(request.json().get("begin_openid") or "")
    return plain(_page(list(account.blacklist), begin, BLACKLIST_PAGE))


def _openids(account: Account, request: Request) -> list[str]:
    openids = request.json().get("openid_list")
    if not isinstance(openids, list) or not 0 < len(openids) <= BLACKLIST_BATCH:
        raise Refusal(40032)
    if not all(isinstance(openid, str) for openid in openids):
        raise Refusal(40031)
    if any(openid not in account.followers and openid not in MAGIC for openid in openids):
        raise Refusal(49003)
    return openids


def blacklist_add(world: World, account: Account, request: Request) -> Answer:
    account.blacklist.update(dict.fromkeys(_openids(account, request)))
    return ok()


def blacklist_remove(world: World, account: Account, request: Request) -> Answer:
    for openid in _openids(account, request):
        account.blacklist.pop(openid, None)
    return ok()


def tags(world: World, account: Account, request: Request) -> Answer:
    blocked = len(account.blacklist)
    rows = [{"id": 1, "name": "黑名单", "count": blocked}, {"id": 2, "name": "星标组", "count": 0}]
    rows += [
        {"id": tag.tag_id, "name": tag.name, "count": len(tag.openids)}
        for tag in account.tags.values()
    ]
    return plain({"tags": rows})


def tag_members(world: World, account: Account, request: Request) -> Answer:
    asked = request.json()
    tag = account.tags.get(asked.get("tagid") or 0)
    if tag is None:
        raise Refusal(45159)
    page = _page(tag.openids, str(asked.get("next_openid") or ""), PAGE)
    del page["total"]
    return plain(page)
