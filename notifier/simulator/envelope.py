"""Callback pushes on the wire: the XML, WeChat's signature, and the safe-mode encryption."""

import base64
import hashlib
import os
import secrets
import struct
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .accounts import Account

BLOCK = 32  # PKCS#7 to 32 bytes, not to AES's 16


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def encrypt(text: str, encoding_aes_key: str, appid: str, prefix: bytes | None = None) -> str:
    key = base64.b64decode(encoding_aes_key + "=")
    message = text.encode()
    plain = (prefix or os.urandom(16)) + struct.pack(">I", len(message)) + message + appid.encode()
    pad = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_element(key, item) for key, item in value.items())}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    text = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{text}]]></{name}>"


def xml(fields: Mapping[str, object]) -> str:
    return "<xml>" + "\n".join(_element(name, value) for name, value in fields.items()) + "\n</xml>"


def sealed(account: Account, fields: Mapping[str, object]) -> tuple[str, bytes]:
    """The query string and the body of one push, in the account's mode."""
    stamp, nonce = str(int(time.time())), str(secrets.randbelow(2**31))
    query = {
        "signature": sign(account.callback_token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "openid": str(fields.get("FromUserName", "")),
    }
    if account.callback_mode == "plain":
        return urlencode(query), xml(fields).encode()
    cipher = encrypt(xml(fields), account.encoding_aes_key, account.appid)
    query |= {
        "encrypt_type": "aes",
        "msg_signature": sign(account.callback_token, stamp, nonce, cipher),
    }
    shown = fields if account.callback_mode == "compatible" else {"ToUserName": account.original_id}
    return urlencode(query), xml({**shown, "Encrypt": cipher}).encode()
