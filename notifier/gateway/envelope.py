"""A receipt as WeChat pushes it: the XML, its signature, the AES envelope. Pure.

Source: the official pages "Message push" and "Message encryption and decryption".
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from notifier.wechat.callback import encrypt, signature
from templates_app.models.accounts import CallbackMode

EVENT = "TEMPLATESENDJOBFINISH"
HEADERS = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"}


@dataclass(frozen=True, slots=True)
class Callback:
    """What the service has set up, as it would at WeChat. `original_id`: gh_…, whom it is for."""

    url: str
    token: str
    appid: str
    original_id: str
    mode: str
    aes_key: str

    def __repr__(self) -> str:
        return f"Callback(appid={self.appid!r}, mode={self.mode!r})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """`at`: Unix seconds, the same in each repetition."""

    msgid: int
    openid: str
    status: str
    at: int


def sealed(callback: Callback, receipt: Receipt, now: int) -> tuple[str, bytes]:
    """The address with its query, and the body."""
    fields: dict[str, str | int] = {
        "ToUserName": callback.original_id,
        "FromUserName": receipt.openid,
        "CreateTime": receipt.at,
        "MsgType": "event",
        "Event": EVENT,
        "MsgID": receipt.msgid,
        "Status": receipt.status,
    }
    query = _signed(callback, now) | {"openid": receipt.openid}
    if callback.mode == CallbackMode.PLAIN:
        return _address(callback.url, query), _xml(fields)
    cipher = encrypt(callback.aes_key, callback.appid, _xml(fields), secrets.token_bytes(16))
    query |= {
        "encrypt_type": "aes",
        "msg_signature": signature(callback.token, query["timestamp"], query["nonce"], cipher),
    }
    shown = (
        fields if callback.mode == CallbackMode.COMPATIBLE else {"ToUserName": fields["ToUserName"]}
    )
    return _address(callback.url, query), _xml({**shown, "Encrypt": cipher})


def verification(callback: Callback, now: int) -> tuple[str, str]:
    """The address that WeChat asks when a callback is set up, and the echostr to be answered."""
    echo = str(secrets.randbelow(10**19))
    return _address(callback.url, _signed(callback, now) | {"echostr": echo}), echo


def _signed(callback: Callback, now: int) -> dict[str, str]:
    timestamp, nonce = str(now), str(secrets.randbelow(2**31))
    return {
        "signature": signature(callback.token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
    }


def _address(url: str, query: Mapping[str, str]) -> str:
    plain = url.partition("#")[0]
    return f"{plain}{'&' if '?' in plain else '?'}{urlencode(query)}"


def _xml(fields: Mapping[str, str | int]) -> bytes:
    inner = "\n".join(f"<{name}>{_text(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>".encode()


def _text(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{escaped}]]>"
