"""template/send: WeChat's body becomes a request to intake, and its id the msgid.

Source of the fields: the official page sendTemplateMessage.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone

from notifier.access.rates import TooMany, spend
from notifier.gateway.answers import Refusal
from notifier.gateway.bodies import read_json
from notifier.gateway.callers import Caller
from notifier.gateway.faults import refusal_of
from notifier.intake.accept import Accepted, Origin, SendRequest, accept
from notifier.intake.errors import KeyReused, Rejected
from notifier.intake.idempotency import earlier_message
from notifier.models import GatewayMessage, Message, State
from notifier.models.gateways import LOOK_AFTER
from notifier.recipients.directory import Address
from templates_app.links import MAX_URL_BYTES
from templates_app.sendable import code_of, sendable

GUARD = timedelta(minutes=10)
"""WeChat sends one message for an OpenID and client_msg_id, whatever it says, for so long."""
REMEMBERED = timedelta(hours=24)
"""And we one for the same content, far longer."""

MAX_CLIENT_MSG_ID = 64
MAX_APPID, MAX_PAGEPATH = 64, 500
OPENID = re.compile(r"[A-Za-z0-9_-]{1,64}")
TEMPLATE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")
_PLAIN = re.compile(r"[^\s\x00-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class Asked:
    openid: str
    template: str
    """The code of ours."""
    values: Mapping[str, Any]
    url: str | None
    miniprogram: tuple[str, str] | None
    client_msg_id: str

    def request(self) -> SendRequest:
        return SendRequest(
            template=self.template,
            to=Address(openid=self.openid),
            data=self.values,
            url=self.url,
            miniprogram=self.miniprogram,
            by_field=True,
        )

    def origin(self, caller: Caller) -> Origin:
        allowance = caller.key.allowance
        if not self.client_msg_id:
            return Origin(client=caller.client, allowance=allowance)
        content = [self.template, self.values, self.url, self.miniprogram]
        digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
        # Apart from the keys that the client may use at the API.
        kind = "sandbox" if allowance.is_test else "wechat"
        key = f"{kind}:{self.openid}:{self.client_msg_id}"
        return Origin(caller.client, key, digest, allowance=allowance)


def send(caller: Caller, _query: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Raises Refusal, or what intake raises while something changes."""
    asked = _asked(caller, read_json(body))
    _spend(caller)
    # What has no id is stored with its row or not at all: nobody could tell a repetition. With one
    # the first answer is given again, and intake needs its statement to fail by itself.
    whole = nullcontext() if asked.client_msg_id else transaction.atomic()
    try:
        with whole:
            msgid = _msgid(caller, _once(asked.request(), asked.origin(caller)))
    except Rejected as rejected:
        raise refusal_of(rejected.faults[0]) from None
    return {"errcode": 0, "errmsg": "ok", "msgid": msgid}


def _spend(caller: Caller) -> None:
    """Raises Refusal."""
    try:
        spend(caller.key)
    except TooMany as error:
        code = 45011 if error.standing.name == "minute" else 45009
        raise Refusal(code, hint="the key's own limit in Hongyan") from None


def _once(request: SendRequest, origin: Origin) -> Accepted:
    try:
        accepted = accept(request, origin)
        if not accepted.replayed or not _is_free(accepted.message, REMEMBERED):
            return accepted
        message = accepted.message
    except KeyReused:
        earlier = earlier_message(origin.client, origin.idempotency_key)
        if earlier is None:  # deleted just now
            return accept(request, origin)
        message = earlier
        if not _is_free(message, GUARD):
            version = message.version
            return Accepted(message, version.template.code, version.number, replayed=True)
    held = Message.objects.filter(pk=message.pk, idempotency_key=origin.idempotency_key)
    held.update(idempotency_key=None)
    return accept(request, origin)


def _is_free(message: Message, after: timedelta) -> bool:
    """May its client_msg_id be used again? What WeChat refused, or never got, used it up no more
    than a call that WeChat refuses."""
    never_sent = message.state in (State.FAILED, State.EXPIRED) and not message.in_doubt_since
    return never_sent or timezone.now() - message.created_at >= after


def _msgid(caller: Caller, accepted: Accepted) -> int:
    """Without its row nobody knows a msgid: there was no answer. Of a request and its repetition at
    the same moment either may make it."""
    rows, message = GatewayMessage.objects, accepted.message
    known = rows.filter(message=message).first() if accepted.replayed else None
    if known is None:
        due_at = timezone.now() + LOOK_AFTER
        try:
            known = rows.create(message=message, gateway_id=caller.gateway.pk, due_at=due_at)
        except IntegrityError:
            known = rows.get(message=message)
    return known.msgid


def _asked(caller: Caller, body: Mapping[str, Any]) -> Asked:
    openid = body.get("touser")
    if not isinstance(openid, str) or not OPENID.fullmatch(openid):
        raise Refusal(40003)
    data = body.get("data") or {}
    if not isinstance(data, dict):
        raise Refusal(47001)
    return Asked(
        openid=openid,
        template=_template(caller, body.get("template_id")),
        values={key: one.get("value") for key, one in data.items() if isinstance(one, dict)},
        url=_url(body.get("url")),
        miniprogram=_miniprogram(body.get("miniprogram")),
        client_msg_id=_client_msg_id(body.get("client_msg_id")),
    )


def _template(caller: Caller, given: Any) -> str:
    """By WeChat's id, or by our code."""
    if not isinstance(given, str) or not given:
        raise Refusal(40036)
    if TEMPLATE.fullmatch(given):
        if code := code_of(caller.account_id, given):
            return code
        known = sendable(given)
        if known and known.account_id == caller.account_id:
            return given
    hint = "no template that is published in Hongyan has this template_id on the account"
    raise Refusal(40037, hint=hint)


def _url(given: Any) -> str | None:
    if not given:
        return None
    if not isinstance(given, str) or not _URL.fullmatch(given):
        raise Refusal(40039, "invalid url")
    if len(given.encode("utf-8", "replace")) > MAX_URL_BYTES:
        raise Refusal(40039)
    return given


def _miniprogram(given: Any) -> tuple[str, str] | None:
    if not given:
        return None
    if not isinstance(given, dict):
        raise Refusal(47001)
    appid, pagepath = given.get("appid") or "", given.get("pagepath") or ""
    if not appid:
        return None
    if not _is_plain(appid, MAX_APPID):
        raise Refusal(40013)
    if not _is_plain(pagepath, MAX_PAGEPATH):
        raise Refusal(40165)
    return appid, pagepath


def _is_plain(text: Any, longest: int) -> bool:
    return isinstance(text, str) and len(text) <= longest and bool(_PLAIN.fullmatch(text))


def _client_msg_id(given: Any) -> str:
    if given in (None, ""):
        return ""
    text = str(given) if isinstance(given, str | int) else ""
    if not text or "\0" in text or len(text) > MAX_CLIENT_MSG_ID:
        raise Refusal(45067)
    return text
