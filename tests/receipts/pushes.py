"""WeChat's pushes, built by hand from its documentation; only the AES envelope is ours."""

import hashlib
import itertools
import time
from typing import Any

from django.http import HttpResponse
from django.test import Client

from notifier.wechat.callback import encrypt
from templates_app.models import OfficialAccount

AES_KEY = "k" * 43
_nonces = itertools.count(1)


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324


def xml(**fields: Any) -> bytes:
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>".encode()


def event(name: str, openid: str, at: float | None = None, **fields: Any) -> bytes:
    created = int(time.time() if at is None else at)
    return xml(
        ToUserName="gh_0123456789ab",
        FromUserName=openid,
        CreateTime=created,
        MsgType="event",
        Event=name,
        **fields,
    )


def receipt(openid: str, msgid: str, status: str = "success", at: float | None = None) -> bytes:
    return event("TEMPLATESENDJOBFINISH", openid, at, MsgID=msgid, Status=status)


def query(account: OfficialAccount, *sealed: str) -> dict[str, str]:
    stamp, nonce = str(int(time.time())), str(next(_nonces))
    made = {"timestamp": stamp, "nonce": nonce}
    made["signature"] = sign(account.callback_token, stamp, nonce)
    if sealed:
        made["encrypt_type"] = "aes"
        made["msg_signature"] = sign(account.callback_token, stamp, nonce, *sealed)
    return made


def path(account: OfficialAccount, parameters: dict[str, str]) -> str:
    pairs = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"/wechat/{account.slug}/callback?{pairs}"


def push(account: OfficialAccount, body: bytes, **changes: str) -> HttpResponse:
    """As WeChat posts it in the account's mode; `changes` spoil the query."""
    sealed = ""
    if account.callback_mode != "plain":
        sealed = encrypt(account.encoding_aes_key, account.appid, body, b"r" * 16)
    if account.callback_mode == "safe":
        body = b"<xml></xml>"
    if sealed:
        body = body.replace(b"</xml>", f"<Encrypt>{sealed}</Encrypt></xml>".encode())
    parameters = query(account, *([sealed] if sealed else [])) | changes
    return post(path(account, parameters), body)


def post(address: str, body: bytes) -> HttpResponse:
    client = Client(raise_request_exception=False)
    return client.post(address, body, content_type="text/xml")
