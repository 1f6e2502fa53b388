"""`/cgi-bin/message/template/send`: the checks in WeChat's order, then accept and receipts."""

import random
import re
import time
from dataclasses import replace
from typing import Any

from .accounts import Account, Template
from .answers import Answer, Refusal, bad_gateway, ok
from .magic import MAGIC, Magic
from .outbox import Attempts, Message, Push
from .values import complaint
from .world import Request, World

OPENID = re.compile(r"o[A-Za-z0-9_-]{27}")
APPID = re.compile(r"wx[0-9a-f]{16}")
URL_BYTES = 1024
TEMPLATE_ID_LENGTH = 43
RELATION = (43019, 43004, 43101)
IN_REVIEW = (40249, 40252)
HELD = 60.0
ORDINARY = Magic("", "", "")


def send(world: World, account: Account, request: Request) -> Answer:
    body = request.json()
    openid = _recipient(account, body.get("touser"))
    magic = MAGIC.get(openid, ORDINARY)
    template = _template(account, body.get("template_id"))
    _check_target(account, body)
    _check_values(template, body.get("data"))
    _check_relation(account, openid, magic)
    if template.errcode in IN_REVIEW:
        raise Refusal(template.errcode)
    if magic.errcode:
        raise Refusal(magic.errcode)
    client_msg_id = str(body.get("client_msg_id") or "")
    attempts = world.outbox.attempts(account, openid, client_msg_id)
    if attempts.message is not None:
        return _duplicate(account, attempts.message)
    if attempts.requests <= magic.refusals:
        raise Refusal(-1)
    if magic.first == "html" and attempts.requests == 1:
        return bad_gateway()
    message = world.outbox.accept(account, template, openid, client_msg_id, request.body)
    return _accepted(world, account, message, attempts, magic)


def _recipient(account: Account, openid: Any) -> str:
    known = isinstance(openid, str) and (
        openid in account.followers
        or openid in MAGIC
        or (account.any_openid and OPENID.fullmatch(openid) is not None)
    )
    if not known or MAGIC.get(openid, ORDINARY).errcode == 40003:
        raise Refusal(40003)
    return str(openid)


def _template(account: Account, template_id: Any) -> Template:
    if not isinstance(template_id, str) or len(template_id) != TEMPLATE_ID_LENGTH:
        raise Refusal(40036)
    template = account.templates.get(template_id)
    if template is None:
        raise Refusal(40037)
    if template.errcode and template.errcode not in IN_REVIEW:
        raise Refusal(template.errcode)
    return template


def _check_target(account: Account, body: dict[str, Any]) -> None:
    url, miniprogram = body.get("url") or "", body.get("miniprogram")
    if not isinstance(url, str):
        raise Refusal(47001)
    if len(url.encode()) > URL_BYTES:
        raise Refusal(40039)
    if not miniprogram:
        return
    if not isinstance(miniprogram, dict):
        raise Refusal(47001)
    if miniprogram.get("appid") and not APPID.fullmatch(str(miniprogram["appid"])):
        raise Refusal(40013)
    page = str(miniprogram.get("pagepath") or "").partition("?")[0]
    if account.pages and page and page not in account.pages:
        raise Refusal(40165)


def _check_values(template: Template, data: Any) -> None:
    """Only the first offending key is named, in the template's order."""
    if not isinstance(data, dict):
        raise Refusal(47001)
    for keyword in template.keywords:
        text = complaint(keyword, data.get(keyword.key), template.choices.get(keyword.key))
        if text:
            raise Refusal(47003, text)


def _check_relation(account: Account, openid: str, magic: Magic) -> None:
    if openid in account.blacklist:
        raise Refusal(43019)
    follower = account.followers.get(openid)
    if follower is not None and not follower.subscribe:
        raise Refusal(43004)
    if magic.errcode in RELATION:
        raise Refusal(magic.errcode)


def _duplicate(account: Account, message: Message) -> Answer:
    account.counters.duplicates_suppressed += 1
    if account.duplicate_reply == "40241":
        raise Refusal(40241)
    return ok({"msgid": message.msgid})


def _accepted(
    world: World, account: Account, message: Message, attempts: Attempts, magic: Magic
) -> Answer:
    attempts.message = message
    message.requests = attempts.requests
    message.delivered = int(magic.status == "success")
    account.counters.accepted += 1
    account.counters.delivered += message.delivered
    answer = Answer(b'{"errcode":0,"errmsg":"ok","msgid":%d}' % message.msgid, delay=magic.delay)
    if magic.first == "reset":
        answer.ending = "reset"
    elif magic.first == "timeout":
        answer.ending, answer.delay = "hang", HELD
    if account.callback_url and world.receipts.enabled:
        answer.pushes = _receipts(world, message, magic)
        answer.early = magic.early or world.receipts.early
    return answer


def _receipts(world: World, message: Message, magic: Magic) -> list[Push]:
    settings = world.receipts
    copies = magic.receipts
    if settings.lose and random.random() < settings.lose:
        copies = 0
    if copies == 1 and settings.duplicate and random.random() < settings.duplicate:
        copies = 2
    push = Push(message.account, None, message, magic.status, int(time.time()))
    return [replace(push) for _ in range(copies)]
