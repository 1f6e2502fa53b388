"""WeChat's pushes: checked, decrypted and read into one `Push`. Called by the receipts' view.

Formats and signatures: the official pages "Message push" and "Message encryption and decryption".
"""

import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from notifier.wechat.callback_crypto import (
    BadPush,
    BadSignature,
    CallbackError,
    decrypt,
    encrypt,
    same,
    signature,
)

__all__ = [
    "BadPush",
    "BadSignature",
    "CallbackError",
    "CallbackKeys",
    "Outcome",
    "Push",
    "decrypt",
    "dedupe_key",
    "encrypt",
    "open_push",
    "outcome_of",
    "sealed_reply",
    "signature",
    "verify_url",
]

MAX_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """What the account's callback is set up with; `aes_keys` has the current key first."""

    token: str
    appid: str
    aes_keys: tuple[str, ...]
    mode: str  # plain, compatible or safe; any other word is taken as safe

    def __repr__(self) -> str:
        return f"CallbackKeys(appid={self.appid!r}, mode={self.mode!r})"


@dataclass(frozen=True, slots=True)
class Push:
    """One push. `created_at` is in Unix seconds; `fields` holds the other plain text fields."""

    event: str
    msg_type: str
    openid: str
    original_id: str
    created_at: int
    msgid: str
    status: str
    fields: dict[str, str]


class Outcome(StrEnum):
    """What became of a sent message, by its TEMPLATESENDJOBFINISH push."""

    DELIVERED = "delivered"
    REFUSED_BY_USER = "refused_by_user"
    FREQUENCY_LIMIT = "frequency_limit"
    FAILED = "failed"
    UNKNOWN = "unknown"


# Keys without the space that WeChat writes after some colons. "freq limit" is undocumented but
# reported by two independent community threads.
_OUTCOMES = {
    "success": Outcome.DELIVERED,
    "failed:user block": Outcome.REFUSED_BY_USER,
    "failed:freq limit": Outcome.FREQUENCY_LIMIT,
    "failed:system failed": Outcome.FAILED,
}
_NAMED = frozenset(
    {"Event", "MsgType", "FromUserName", "ToUserName", "CreateTime", "MsgID", "MsgId", "Status"}
    | {"Encrypt"}
)
_UNENCRYPTED_MODES = frozenset({"plain", "compatible"})
_SECONDS = re.compile(r"[0-9]{1,11}")


def verify_url(token: str, timestamp: str, nonce: str, signature_: str) -> bool:
    """Tell whether a GET verification comes from WeChat; then answer with its `echostr`."""
    return same(signature(token, timestamp, nonce), signature_)


def open_push(keys: CallbackKeys, query: Mapping[str, str], body: bytes) -> Push:
    """Check, decrypt and read the POST of a push; `query` holds the URL's parameters.

    Raises BadSignature or BadPush, and nothing else. A push with `encrypt_type=aes` is always
    judged by its Encrypt element: unlike `signature`, `msg_signature` covers the content.
    """
    if len(body) > MAX_BODY:
        raise BadPush("the push is larger than 64 KiB")
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if query.get("encrypt_type") == "aes":
        sealed = _read(body).get("Encrypt", "")
        if not same(
            signature(keys.token, timestamp, nonce, sealed), query.get("msg_signature", "")
        ):
            raise BadSignature("msg_signature does not match")
        return _push(_read(_unseal(keys, sealed)))
    if keys.mode not in _UNENCRYPTED_MODES:
        raise BadPush("the account is in safe mode, but the push is not encrypted")
    if not verify_url(keys.token, timestamp, nonce, query.get("signature", "")):
        raise BadSignature("signature does not match")
    return _push(_read(body))


def sealed_reply(
    keys: CallbackKeys, message: str, timestamp: str, nonce: str, random: bytes
) -> str:
    """Return the encrypted XML answer to a push; `random` is 16 fresh random bytes."""
    if not keys.aes_keys:
        raise BadPush("the account has no EncodingAESKey")
    sealed = encrypt(keys.aes_keys[0], keys.appid, message.encode(), random)
    signed = signature(keys.token, timestamp, nonce, sealed)
    return (
        f"<xml><Encrypt>{sealed}</Encrypt><MsgSignature>{signed}</MsgSignature>"
        f"<TimeStamp>{html.escape(timestamp)}</TimeStamp><Nonce>{html.escape(nonce)}</Nonce></xml>"
    )


def dedupe_key(push: Push) -> str:
    """Return 64 hex characters that are the same for every repetition of one push.

    Events have no MsgId; a MsgId alone is not unique across users (official page; WxJava #333).
    """
    message = (push.msgid, push.openid)
    event = (push.openid, str(push.created_at), push.event, push.msgid)
    parts = event if push.event or not push.msgid else message
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def outcome_of(status: str) -> Outcome:
    """Read the Status of a TEMPLATESENDJOBFINISH push; unseen reasons of failure are FAILED."""
    plain = status.strip().lower().replace(": ", ":")
    unlisted = Outcome.FAILED if plain.startswith("failed") else Outcome.UNKNOWN
    return _OUTCOMES.get(plain, unlisted)


def _unseal(keys: CallbackKeys, sealed: str) -> bytes:
    """Open with the current key, then the previous ones: WeChat keeps using an old key a while."""
    problem = BadPush("the account has no EncodingAESKey")
    for aes_key in keys.aes_keys:
        try:
            return decrypt(aes_key, keys.appid, sealed)
        except BadPush as error:
            problem = error
    raise problem


def _read(body: bytes) -> dict[str, str]:
    """Return the plain text fields of the first level; nested ones are left out."""
    return _read_json(body) if body.lstrip()[:1] == b"{" else _read_xml(body)


def _read_xml(body: bytes) -> dict[str, str]:
    try:
        root = fromstring(body, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        # ValueError and LookupError: an XML declaration with an encoding expat cannot read.
        raise BadPush("the push is not readable XML") from None
    return {child.tag: (child.text or "").strip() for child in root if not len(child)}


def _read_json(body: bytes) -> dict[str, str]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise BadPush("the push is not readable JSON") from None
    return {
        _storable(name): _storable(str(value))
        for name, value in values.items()
        if isinstance(value, str | int)
    }


def _storable(text: str) -> str:
    """JSON can spell NUL and lone surrogates, which no database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _push(values: dict[str, str]) -> Push:
    created = values.get("CreateTime", "")
    if not _SECONDS.fullmatch(created) or not values.get("MsgType"):
        raise BadPush("the push lacks its MsgType or CreateTime")
    return Push(
        event=values.get("Event", "").lower(),
        msg_type=values["MsgType"],
        openid=values.get("FromUserName", ""),
        original_id=values.get("ToUserName", ""),
        created_at=int(created),
        msgid=values.get("MsgID") or values.get("MsgId", ""),
        status=values.get("Status", ""),
        fields={name: value for name, value in values.items() if name not in _NAMED},
    )
