"""Signatures as https://www.standardwebhooks.com describes them."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"


def signatures(secrets: Iterable[str], event_id: str, timestamp: int, body: bytes) -> str:
    """The header webhook-signature: one for each secret, so that either can be verified while a
    new one is taken into use. `timestamp`: Unix seconds."""
    signed = b".".join([event_id.encode(), str(timestamp).encode(), body])
    return " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
