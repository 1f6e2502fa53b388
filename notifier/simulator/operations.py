"""Quota, rid look-up, server addresses and the callback check."""

from urllib.parse import urlsplit

from .accounts import TOKEN_QUOTA, Account
from .answers import Answer, Refusal, ok, plain
from .credentials import TOKEN_PATH, clear
from .faults import SEND_PATH
from .world import Request, World

DAILY: dict[str, int] = {
    TOKEN_PATH: TOKEN_QUOTA,
    "/cgi-bin/user/get": 500,
    "/cgi-bin/user/info": 5_000_000,
    "/cgi-bin/user/info/batchget": 5_000_000,
    "/cgi-bin/tags/get": 1_000,
    "/cgi-bin/template/get_all_private_template": 100_000,
}
RID_SECONDS = 7 * 86_400


def daily_limit(account: Account, path: str) -> int | None:
    return account.send_quota if path == SEND_PATH else DAILY.get(path)


def quota(world: World, account: Account, request: Request) -> Answer:
    path = str(request.json().get("cgi_path") or "")
    limit = daily_limit(account, path)
    if limit is None:
        raise Refusal(76021)
    used = account.quota.today(path)
    return ok({"quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)}})


def clear_quota(world: World, account: Account, request: Request) -> Answer:
    if request.json().get("appid") != account.appid:
        raise Refusal(40013)
    return clear(account)


def rid(world: World, account: Account, request: Request) -> Answer:
    wanted = str(request.json().get("rid") or "")
    if len(wanted) != 26:
        raise Refusal(76002)
    known = world.rids.get(wanted)
    if known is None or request.received_at - known[0].received_at > RID_SECONDS:
        raise Refusal(76001)
    asked, answer = known
    return ok(
        {
            "request": {
                "invoke_time": int(asked.received_at),
                "cost_in_ms": 30,
                "request_url": "access_token=***",
                "request_body": asked.body.decode("utf-8", "replace"),
                "response_body": answer.body.decode(),
                "client_ip": asked.client_ip,
            }
        }
    )


def addresses(world: World, account: Account, request: Request) -> Answer:
    return plain({"ip_list": ["127.0.0.1"]})


def callback_check(world: World, account: Account, request: Request) -> Answer:
    given = request.json()
    action = given.get("action")
    if action not in ("dns", "ping", "all"):
        raise Refusal(40202)
    if given.get("check_operator") not in ("DEFAULT", "CHINANET", "UNICOM", "CAP"):
        raise Refusal(40203)
    host = urlsplit(account.callback_url).hostname
    if host is None:
        raise Refusal(40201)
    loss, spent = ("100%", "") if account.callback_unreachable else ("0%", "0.1ms")
    ping = {"ip": host, "from_operator": "DEFAULT", "package_loss": loss, "time": spent}
    parts = {"dns": [{"ip": host, "real_operator": "DEFAULT"}], "ping": [ping]}
    return plain(parts if action == "all" else {action: parts[str(action)]})
