"""What a call's body holds. WeChat reads JSON whatever the Content-Type says, and so do we."""

from typing import Any

import msgspec

from notifier.gateway.answers import Refusal

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_json(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises Refusal."""
    if not body:
        raise Refusal(44002)
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(47001) from None
