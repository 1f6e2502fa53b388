"""Access tokens: signed, and stored nowhere. Pure; times in milliseconds since 1970.

A token names its API key by digest and says when it begins. It lives as long as WeChat's, and no
longer than its key.
"""

import base64
import binascii
import hmac
import secrets
import struct
from dataclasses import dataclass
from enum import IntEnum

from django.utils.crypto import salted_hmac

LIFETIME = 7_200_000
OVERLAP = 300_000
"""So long before its end stable_token gives the next one, and both work (official page)."""
EVERY = LIFETIME - OVERLAP

_PARTS = struct.Struct(">BQ8s32s")
_MAC = 32
_PREFIX = "hy_gw_"


class Call(IntEnum):
    """Which call gave it. As at WeChat the two do not disturb each other."""

    TOKEN = 1
    STABLE = 2


@dataclass(frozen=True, slots=True)
class Token:
    call: Call
    begins: int
    digest: str
    """Of the API key: SHA-256, hexadecimal."""

    @property
    def ends(self) -> int:
        return self.begins + LIFETIME


def new(digest: str, now: int) -> tuple[str, Token]:
    """`/cgi-bin/token`: another one each time. Unlike WeChat's it does not end those before it."""
    token = Token(Call.TOKEN, now, digest)
    return _sealed(token, secrets.token_bytes(8)), token


def stable(digest: str, now: int, since: int) -> tuple[str, Token]:
    """`/cgi-bin/stable_token`: the same in all processes until OVERLAP before its end. `since`: the
    last forced refresh, or 0."""
    start = since or int(digest[:8], 16) % EVERY  # not all keys' tokens at the same moment
    token = Token(Call.STABLE, start + (now - start) // EVERY * EVERY, digest)
    return _sealed(token, bytes(8)), token


def read(text: str) -> Token | None:
    """None for what we have not made, or not with this SECRET_KEY."""
    if not text.startswith(_PREFIX):
        return None
    try:
        whole = base64.b64decode(text.removeprefix(_PREFIX), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    parts, mac = whole[: _PARTS.size], whole[_PARTS.size :]
    if len(whole) != _PARTS.size + _MAC or not hmac.compare_digest(mac, _mac(parts)):
        return None
    call, begins, _nonce, digest = _PARTS.unpack(parts)
    return Token(Call(call), begins, digest.hex())


def _sealed(token: Token, nonce: bytes) -> str:
    parts = _PARTS.pack(token.call, token.begins, nonce, bytes.fromhex(token.digest))
    return _PREFIX + base64.urlsafe_b64encode(parts + _mac(parts)).decode()


def _mac(parts: bytes) -> bytes:
    return salted_hmac("hongyan.gateway.token", parts, algorithm="sha256").digest()
