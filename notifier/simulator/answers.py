"""WeChat's answers: their bytes, their error texts, and how the connection ends after them."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .outbox import Push

JSON_TYPE = b"application/json; encoding=utf-8"  # "encoding" is WeChat's own spelling
HTML_TYPE = b"text/html"

ERRMSG: dict[int, str] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by "
    "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40008: "invalid message type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40031: "invalid openid list",
    40032: "invalid openid list size",
    40035: "invalid args",
    40036: "invalid template_id size",
    40037: "invalid template_id",
    40039: "invalid url size",
    40066: "invalid url",
    40125: "invalid appsecret",
    40164: "invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist",
    40165: "invalid weapp pagepath",
    40201: "invalid check url",
    40202: "invalid action",
    40203: "invalid check_operator",
    40241: "The message is duplicate in 60 seconds",
    40243: "appsecret is frozen",
    40246: "invalid keyword_name_list",
    40247: "need new category template",
    40249: "this template msg has been blocked for illegal content",
    40250: "content is not standard",
    40251: "sending limit is lowered because of past violations",
    40252: "部分内容正在平台审核中，审核完成前无法下发",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43019: "require remove blacklist",
    43101: "user refuse to accept the msg",
    43116: "This template_id is banned",
    43117: "Sending messages to this openid too frequently,please try later",
    44002: "empty post data",
    45159: "invalid tag id",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45026: "template num exceeds limit",
    46004: "user not exist",
    47001: "data format error",
    48001: "api unauthorized",
    48002: "user switched off receiving messages",
    48004: "api forbidden for irregularities, view detail on mp.weixin.qq.com",
    48006: "forbid to clear quota because of reaching the limit",
    49003: "not match openid with appid",
    50002: "user limited",
    50005: "user is unsubscribed",
    76001: "rid not found",
    76002: "rid is error",
    76021: "cgi_path not found, please check",
}

BAD_GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


class Refusal(Exception):
    """A handler says no with one of WeChat's codes."""

    def __init__(self, errcode: int, errmsg: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.errmsg = errmsg or ERRMSG.get(errcode, "error")


@dataclass(slots=True)
class Answer:
    """What goes back, after `delay`; `ending` is "", "reset" (cut) or "hang" (cut after delay)."""

    body: bytes = b""
    status: int = 200
    errcode: int = 0
    content_type: bytes = JSON_TYPE
    delay: float = 0.0
    ending: str = ""
    rid: str = ""
    pushes: Sequence[Push] = ()
    early: bool = False
    """The pushes must arrive before this answer does."""


def new_rid() -> str:
    """Three groups of 8 hex digits; the first is the Unix time of the request."""
    return f"{int(time.time()):08x}-{random.getrandbits(32):08x}-{random.getrandbits(32):08x}"


def ok(fields: Mapping[str, Any] | None = None) -> Answer:
    return Answer(orjson.dumps({"errcode": 0, "errmsg": "ok", **(fields or {})}))


def plain(fields: Mapping[str, Any]) -> Answer:
    """A success reply of the kind that carries no errcode."""
    return Answer(orjson.dumps(fields))


def refusal(error: Refusal) -> Answer:
    rid = new_rid()
    text = {"errcode": error.errcode, "errmsg": f"{error.errmsg} rid: {rid}"}
    return Answer(orjson.dumps(text), errcode=error.errcode, rid=rid)


def bad_gateway(status: int = 502) -> Answer:
    return Answer(BAD_GATEWAY_PAGE, status=status, content_type=HTML_TYPE)
