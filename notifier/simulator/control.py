"""`/_control/`: how tests and people look into the simulator and make things happen."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from secrets import randbelow, token_hex
from typing import Any
from urllib.parse import urlencode

import orjson

from .accounts import Account, BadInput, Follower, upsert
from .answers import Answer
from .envelope import sign
from .faults import Delay, Receipts
from .outbox import Push
from .phones import snapshot
from .world import Request, World

Handler = Callable[[World, Request], Any]
TYPE = b"application/json"
HEADERS = {b"content-type", b"content-length", b"transfer-encoding", b"user-agent", b"connection"}


def _json(request: Request) -> dict[str, Any]:
    try:
        given = orjson.loads(request.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise BadInput("the body must be a JSON object")
    return given


def _account(world: World, given: dict[str, Any]) -> Account:
    account = world.accounts.get(given.get("appid") or "")
    if account is None:
        raise BadInput(f'no account has the "appid" {given.get("appid")!r}')
    return account


def _number(given: dict[str, Any], key: str, default: float | None = None) -> float:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise BadInput(f'"{key}" must be a number from 0 up, not {value!r}')
    return float(value)


def _query_number(query: dict[str, str], key: str, default: int) -> int:
    text = query.get(key) or str(default)
    if not text.isdigit():
        raise BadInput(f'"{key}" must be a whole number, not {text!r}')
    return int(text)


def health(world: World, request: Request) -> Any:
    return {"ok": True}


def state(world: World, request: Request) -> Any:
    return world.state()


def accounts(world: World, request: Request) -> Any:
    account = upsert(world.accounts, _json(request))
    return {"appid": account.appid, "followers": len(account.followers)}


def messages(world: World, request: Request) -> Any:
    query = request.query()
    limit = _query_number(query, "limit", 1_000)
    wanted = [(query.get(key) or "") for key in ("appid", "openid", "client_msg_id")]
    found: list[dict[str, Any]] = []
    for message in world.outbox.after(_query_number(query, "after", 0)):
        has = (message.account.appid, message.openid, message.client_msg_id)
        if all(not want or want == value for want, value in zip(wanted, has, strict=True)):
            if len(found) >= limit:
                break
            found.append(message.shown())
    return {"messages": found}


def requests(world: World, request: Request) -> Any:
    limit = _query_number(request.query(), "limit", 1_000)
    rows = list(world.requests)[-limit:] if limit else []
    return {"requests": [_raw(*row) for row in rows]}


def _raw(request: Request, errcode: int) -> dict[str, Any]:
    chosen = {k.decode(): v.decode("latin-1") for k, v in request.headers if k in HEADERS}
    return {
        "method": request.method,
        "path": request.path,
        "body": request.body.decode("utf-8", "replace"),
        "headers": chosen,
        "errcode": errcode,
        "received_at": request.received_at,
    }


def faults(world: World, request: Request) -> Any:
    return asdict(world.faults.add(_json(request)))


def clear_faults(world: World, request: Request) -> Any:
    world.faults.active.clear()
    return {"faults": []}


def latency(world: World, request: Request) -> Any:
    given = _json(request)
    world.latency = Delay(_number(given, "median_ms"), _number(given, "sigma", 0.6))
    return asdict(world.latency)


def busy(world: World, request: Request) -> Any:
    given = _json(request)
    above = given.get("above_concurrency")
    world.busy_above = None if above is None else int(_number(given, "above_concurrency"))
    return {"above_concurrency": world.busy_above}


def receipts(world: World, request: Request) -> Any:
    """Fields that are not given keep their value."""
    given = _json(request)
    changed = asdict(world.receipts)
    kinds = {item.name: type(getattr(world.receipts, item.name)) for item in fields(Receipts)}
    for key, value in given.items():
        if key not in kinds:
            raise BadInput(f'unknown field "{key}"; known are {", ".join(kinds)}')
        if kinds[key] is bool and not isinstance(value, bool):
            raise BadInput(f'"{key}" must be true or false, not {value!r}')
        changed[key] = value if kinds[key] is bool else _number(given, key)
    world.receipts = Receipts(**changed)
    world.pushes.retry_ms = world.receipts.retry_ms
    return asdict(world.receipts)


def kill_token(world: World, request: Request) -> Any:
    return {"killed": world.tokens.kill(_account(world, _json(request)).appid)}


async def follow(world: World, request: Request) -> Any:
    given = _json(request)
    account, openid, subscribe = _account(world, given), given.get("openid"), given.get("subscribe")
    if not isinstance(openid, str) or not openid or not isinstance(subscribe, bool):
        raise BadInput('"openid" must be a string and "subscribe" true or false')
    name = str(given.get("name") or "")
    follower = account.followers.setdefault(openid, Follower(openid, name))
    follower.subscribe = subscribe
    if subscribe:
        follower.subscribed_at = int(time.time())
    event = {"Event": "subscribe" if subscribe else "unsubscribe", "EventKey": ""}
    return await _pushed(world, account, {"FromUserName": openid, **event})


async def push(world: World, request: Request) -> Any:
    given = _json(request)
    event = given.get("event")
    if not isinstance(event, dict):
        raise BadInput('"event" must be an object with the fields of the XML')
    return await _pushed(world, _account(world, given), event)


async def _pushed(world: World, account: Account, event: dict[str, Any]) -> Any:
    if not account.callback_url:
        return {"http_status": None, "body": "", "acknowledged": False}
    base: dict[str, Any] = {"ToUserName": account.original_id, "FromUserName": ""}
    base |= {"CreateTime": int(time.time()), "MsgType": "event"}
    status, body = await world.pushes.deliver(Push(account, base | event))
    acknowledged = status == 200 and body.strip() in (b"success", b"")
    text = body.decode("utf-8", "replace")
    return {"http_status": status or None, "body": text, "acknowledged": acknowledged}


async def verify(world: World, request: Request) -> Any:
    """The GET that WeChat makes when the callback address is saved in its console."""
    account = _account(world, _json(request))
    stamp, nonce, echo = str(int(time.time())), str(randbelow(2**31)), token_hex(8)
    query = {"signature": sign(account.callback_token, stamp, nonce), "echostr": echo}
    query |= {"timestamp": stamp, "nonce": nonce}
    status, body = await world.pushes.call("GET", account.callback_url, urlencode(query))
    verified = status == 200 and body == echo.encode()
    return {"http_status": status or None, "verified": verified}


def reset(world: World, request: Request) -> Any:
    world.reset()
    return {"ok": True}


def phones(world: World, request: Request) -> Any:
    return snapshot(world)


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "health"): health,
    ("GET", "state"): state,
    ("GET", "messages"): messages,
    ("GET", "requests"): requests,
    ("GET", "phones"): phones,
    ("POST", "accounts"): accounts,
    ("POST", "faults"): faults,
    ("DELETE", "faults"): clear_faults,
    ("POST", "latency"): latency,
    ("POST", "busy"): busy,
    ("POST", "receipts"): receipts,
    ("POST", "kill-token"): kill_token,
    ("POST", "follow"): follow,
    ("POST", "push"): push,
    ("POST", "verify"): verify,
    ("POST", "reset"): reset,
}


async def control(world: World, request: Request) -> Answer:
    name = request.path.removeprefix("/_control/")
    handler = ROUTES.get((request.method, name))
    if handler is None:
        known = ", ".join(f"{method} {path}" for method, path in ROUTES)
        return _reply({"error": f"no {request.method} {name} here; there are {known}"}, 404)
    try:
        shown = handler(world, request)
        return _reply(await shown if isinstance(shown, Awaitable) else shown)
    except BadInput as error:
        return _reply({"error": str(error)}, 400)


def _reply(shown: Any, status: int = 200) -> Answer:
    return Answer(orjson.dumps(shown), status=status, content_type=TYPE)
