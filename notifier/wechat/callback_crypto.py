"""The signature and the AES envelope of WeChat's callbacks. Used by `callback` only.

Source of every fact here: the official page "Message encryption and decryption".
"""

import base64
import binascii
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_PAD_TO = 32  # PKCS#7 to a multiple of 32, not of AES's own 16
_RANDOM = 16
_LENGTH = struct.Struct(">I")


class CallbackError(ValueError):
    """A push that is not to be believed; texts carry no secret."""


class BadSignature(CallbackError):
    """The signature does not belong to this account's Token and this body."""


class BadPush(CallbackError):
    """The push cannot be decrypted or read."""


def signature(*parts: str) -> str:
    """Return the lowercase hex SHA-1 of the sorted, joined parts (Token, timestamp, nonce...)."""
    joined = "".join(sorted(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha1(joined).hexdigest()  # noqa: S324 - WeChat's protocol says SHA-1


def same(ours: str, theirs: str) -> bool:
    """Compare in constant time; `compare_digest` itself refuses non-ASCII strings."""
    return hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "surrogatepass"))


def encrypt(aes_key: str, appid: str, message: bytes, random: bytes) -> str:
    """Return base64 of AES-256-CBC over: 16 random bytes, length, message, appid, padding.

    `aes_key` is the EncodingAESKey (43 characters); `random` must be 16 bytes.
    """
    if len(random) != _RANDOM:
        raise ValueError("random must be 16 bytes")
    plain = random + _LENGTH.pack(len(message)) + message + appid.encode()
    pad = _PAD_TO - len(plain) % _PAD_TO
    encryptor = _cipher(aes_key).encryptor()
    sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(aes_key: str, appid: str, sealed: str) -> bytes:
    """Open what WeChat encrypted for `appid`; raise BadPush for anything else."""
    data = _decode(sealed)
    if not data or len(data) % 16:
        raise BadPush("the encrypted text has a wrong length")
    decryptor = _cipher(aes_key).decryptor()
    plain = _unpad(decryptor.update(data) + decryptor.finalize())
    start = _RANDOM + _LENGTH.size
    if len(plain) < start:
        raise BadPush("the decrypted text is too short")
    end = start + _LENGTH.unpack_from(plain, _RANDOM)[0]
    # A wrong length leaves a wrong tail, so this one check covers both.
    if not hmac.compare_digest(plain[end:], appid.encode()):
        raise BadPush("the push is encrypted for another account or with another key")
    return plain[start:end]


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = _decode(aes_key + "=")
    if len(key) != 32:
        raise BadPush("the EncodingAESKey of the account must have 43 characters")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: non-ASCII characters
        raise BadPush("the encrypted text is not base64") from None


def _unpad(padded: bytes) -> bytes:
    pad = padded[-1]
    if not 1 <= pad <= _PAD_TO or padded[-pad:] != bytes([pad]) * pad:
        raise BadPush("the decrypted text is padded wrongly: another key?")
    return padded[:-pad]
