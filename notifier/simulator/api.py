"""WeChat's HTTP surface: the routes, and the checks that every call passes before its handler."""

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from . import credentials, operations, templates, users
from .accounts import Account
from .answers import Answer, Refusal, refusal
from .faults import SEND_PATH
from .sending import send
from .tokens import Token
from .world import Request, World

OpenHandler = Callable[[World, Request], Answer]
Handler = Callable[[World, Account, Request], Answer]

OPEN: dict[str, tuple[str, OpenHandler]] = {
    "/cgi-bin/token": ("GET", credentials.token),
    "/cgi-bin/stable_token": ("POST", credentials.stable_token),
    "/cgi-bin/clear_quota/v2": ("POST", credentials.clear_quota_v2),
}
ROUTES: dict[str, tuple[str, Handler]] = {
    SEND_PATH: ("POST", send),
    "/cgi-bin/template/get_all_private_template": ("GET", templates.listed),
    "/cgi-bin/template/del_private_template": ("POST", templates.delete),
    "/cgi-bin/template/api_add_template": ("POST", templates.add),
    "/cgi-bin/template/get_industry": ("GET", templates.industry),
    "/cgi-bin/user/get": ("GET", users.listed),
    "/cgi-bin/user/info": ("GET", users.info),
    "/cgi-bin/user/info/batchget": ("POST", users.info_batch),
    "/cgi-bin/tags/get": ("GET", users.tags),
    "/cgi-bin/user/tag/get": ("POST", users.tag_members),
    "/cgi-bin/tags/members/getblacklist": ("POST", users.blacklist),
    "/cgi-bin/tags/members/batchblacklist": ("POST", users.blacklist_add),
    "/cgi-bin/tags/members/batchunblacklist": ("POST", users.blacklist_remove),
    "/cgi-bin/openapi/quota/get": ("POST", operations.quota),
    "/cgi-bin/openapi/rid/get": ("POST", operations.rid),
    "/cgi-bin/clear_quota": ("POST", operations.clear_quota),
    "/cgi-bin/get_api_domain_ip": ("GET", operations.addresses),
    "/cgi-bin/getcallbackip": ("GET", operations.addresses),
    "/cgi-bin/callback/check": ("POST", operations.callback_check),
}
NEEDS_TEMPLATE_PERMISSION = ("/cgi-bin/message/template/", "/cgi-bin/template/")


def answer_to(world: World, request: Request) -> Answer:
    if request.chunked():
        return Answer(status=412)
    try:
        return _dispatch(world, request)
    except Refusal as error:
        answer = refusal(error)
        world.remember(request, answer)
        return answer


def _dispatch(world: World, request: Request) -> Answer:
    opened = OPEN.get(request.path)
    if opened is not None:
        _require(request, opened[0])
        call = partial(opened[1], world, request)
        return _with_faults(world, request, _named_appid(request), call)
    route = ROUTES.get(request.path)
    if route is None:
        raise Refusal(40066)
    _require(request, route[0])
    return _authorised(world, request, route[1])


def _require(request: Request, method: str) -> None:
    if request.method != method:
        raise Refusal(43001 if method == "GET" else 43002)


def _authorised(world: World, request: Request, handler: Handler) -> Answer:
    value = request.token()
    if not value:
        raise Refusal(41001)
    token = world.tokens.find(value)
    if request.path == SEND_PATH and token is not None:
        return _counted(world, request, token, handler)
    return _checked(world, request, world.tokens.account_of(token), handler)


def _counted(world: World, request: Request, token: Token, handler: Handler) -> Answer:
    """A send, counted for its account even when the token is dead by now."""
    counters = token.account.counters
    counters.sends += 1
    try:
        account = world.tokens.account_of(token)
        if world.busy_above is not None and world.in_flight > world.busy_above:
            raise Refusal(-1)
        return _checked(world, request, account, handler)
    except Refusal as error:
        counters.rejected[error.errcode] += 1
        raise


def _checked(world: World, request: Request, account: Account, handler: Handler) -> Answer:
    if not world.faults.active:
        return _permitted(world, account, request, handler)
    call = partial(_permitted, world, account, request, handler)
    return _with_faults(world, request, account.appid, call)


def _permitted(world: World, account: Account, request: Request, handler: Handler) -> Answer:
    path = request.path
    if account.banned:
        raise Refusal(50002)
    if account.api_unauthorized and path.startswith(NEEDS_TEMPLATE_PERMISSION):
        raise Refusal(48001)
    limit = operations.daily_limit(account, path)
    if limit is not None and not account.quota.take(path, limit):
        raise Refusal(45009)
    return handler(world, account, request)


def _with_faults(
    world: World, request: Request, appid: str | None, call: Callable[[], Answer]
) -> Answer:
    fault = world.faults.take(request.path, appid, _field(request, "touser"))
    if fault is None:
        return call()
    instead = fault.instead()
    return fault.spoil(call()) if instead is None else instead


def _field(request: Request, name: str) -> str | None:
    try:
        given: Any = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None
    value = given.get(name) if isinstance(given, dict) else None
    return value if isinstance(value, str) else None


def _named_appid(request: Request) -> str | None:
    return _field(request, "appid") or request.query().get("appid")
