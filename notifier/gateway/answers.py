"""WeChat's answers as its SDKs expect them: always HTTP 200, and an errcode when it is no."""

import logging
import secrets
import time
from typing import Any

import orjson
from django.http import HttpResponse

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/json; encoding=utf-8"
""""encoding", not "charset": WeChat's own spelling, which SDKs have met."""

ERRMSG: dict[int, str] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40032: "invalid openid list size",
    40035: "invalid args",
    40036: "invalid template_id size",
    40037: "invalid template_id",
    40039: "invalid url size",
    40125: "invalid appsecret",
    40164: "invalid ip, not in whitelist: ",
    40165: "invalid weapp pagepath",
    40241: "The message is duplicate in 60 seconds",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43003: "require https",
    43004: "require subscribe",
    43019: "require remove blacklist",
    43101: "user refuse to accept the msg",
    43116: "This template_id is banned",
    43117: "Sending messages to this openid too frequently,please try later",
    44002: "empty post data",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45067: "clientmsgid size out of limit",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    50002: "user limited",
}
"""WeChat's texts, as they were seen (wechat-api: errcode table)."""


class Refusal(Exception):
    """One of WeChat's codes. `hint`: what WeChat would not say, for the engineer who reads it."""

    def __init__(self, errcode: int, errmsg: str = "", hint: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.errmsg = errmsg or ERRMSG[errcode]
        self.hint = hint


def answer(body: dict[str, Any]) -> HttpResponse:
    return HttpResponse(orjson.dumps(body), content_type=CONTENT_TYPE)


def refused(refusal: Refusal, path: str) -> HttpResponse:
    """Its rid is logged, so that a service's complaint can be found. `path`: of the API."""
    rid = new_rid()
    text = f"{refusal.errmsg} ({refusal.hint})" if refusal.hint else refusal.errmsg
    log.info("the gateway answered %s with %d, rid %s", path, refusal.errcode, rid)
    return answer({"errcode": refusal.errcode, "errmsg": f"{text} rid: {rid}"})


def new_rid() -> str:
    """As WeChat's: three groups of 8 hexadecimal digits, the first the Unix time."""
    return f"{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
