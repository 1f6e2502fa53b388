"""Phone numbers: found again by a keyed hash, shown as 138****0000, kept nowhere.

A key of its own is derived from each of FIELD_ENCRYPTION_KEYS; the first hashes, all of them find.
A hash cannot be rotated: numbers hashed under a key that was removed are imported again.
"""

import hmac
import re
from functools import lru_cache

from django.conf import settings

_SEPARATORS = re.compile(r"[\s()（）.\-–—]")
_MAINLAND = re.compile(r"(?:(?:\+|00)?86)?(1[3-9]\d{9})")
_ABROAD = re.compile(r"(?:\+|00)([1-9]\d{6,14})")


def normalised(text: str) -> str | None:
    """13800000000 for a mainland mobile, +85251234567 for others; None: no phone number."""
    digits = _SEPARATORS.sub("", text)
    if mainland := _MAINLAND.fullmatch(digits):
        return mainland[1]
    abroad = _ABROAD.fullmatch(digits)
    return f"+{abroad[1]}" if abroad else None


@lru_cache(maxsize=4)
def _keys(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(hmac.digest(one.strip().encode(), b"hongyan phone", "sha256") for one in secrets)


def phone_hash(phone: str) -> str:
    """Of a normalised number, under the newest key: 64 hex digits."""
    return phone_hashes(phone)[0]


def phone_hashes(phone: str) -> list[str]:
    """Under each key, the newest first: what it may be stored as."""
    keys = _keys(tuple(settings.FIELD_ENCRYPTION_KEYS))
    return [hmac.digest(key, phone.encode(), "sha256").hex() for key in keys]
