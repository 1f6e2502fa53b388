"""`/cgi-bin/token`, `/cgi-bin/stable_token` and the token-less clear_quota/v2."""

import time
from collections.abc import Mapping
from typing import Any

from .accounts import TOKEN_QUOTA, Account
from .answers import ERRMSG, Answer, Refusal, ok, plain
from .tokens import Token
from .world import Request, World

TOKEN_PATH = "/cgi-bin/token"  # noqa: S105 - a path
STABLE_A_DAY = 500_000
CLEARS_A_MONTH = 10


def token(world: World, request: Request) -> Answer:
    account = _account(world, request, request.query())
    account.counters.token_fetches += 1
    if not account.quota.take(TOKEN_PATH, TOKEN_QUOTA):
        raise Refusal(45009)
    return _issued(world.tokens.new(account, "plain"))


def stable_token(world: World, request: Request) -> Answer:
    given = request.json()
    account = _account(world, request, given)
    account.counters.stable_token_fetches += 1
    if not account.quota.take(request.path, STABLE_A_DAY):
        raise Refusal(45009)
    force = given.get("force_refresh", False)
    if not isinstance(force, bool):
        raise Refusal(47001)
    return _issued(world.tokens.stable(account, force))


def _issued(made: Token) -> Answer:
    left = max(0, round(made.expires_at - time.time()))
    return plain({"access_token": made.value, "expires_in": left})


def _account(world: World, request: Request, given: Mapping[str, Any]) -> Account:
    if given.get("grant_type") != "client_credential":
        raise Refusal(40002)
    return proven(world, request, given.get("appid"), given.get("secret"))


def proven(world: World, request: Request, appid: Any, secret: Any) -> Account:
    if not appid:
        raise Refusal(41002)
    if not secret:
        raise Refusal(41004)
    account = world.accounts.get(str(appid))
    if account is None:
        raise Refusal(40013)
    if account.frozen:
        raise Refusal(40243)
    if account.ip_not_whitelisted:
        raise Refusal(40164, ERRMSG[40164].format(ip=account.ip_not_whitelisted))
    if secret != account.secret:
        raise Refusal(40125)
    return account


def clear(account: Account) -> Answer:
    if account.clears >= CLEARS_A_MONTH:
        raise Refusal(48006)
    account.clears += 1
    account.quota.used.clear()
    return ok()


def clear_quota_v2(world: World, request: Request) -> Answer:
    given = request.json()
    return clear(proven(world, request, given.get("appid"), given.get("appsecret")))
