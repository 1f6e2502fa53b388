"""W3C's trace context, as the headers have it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}(-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})"
    r"(?:(?<!^00.{53})-.*)?"
)
"""Of a later version than 00 what it shares with that, as W3C asks: more may follow."""
_BAGGAGE = re.compile(r"[\x20-\x7e]*")
MOST_BAGGAGE = 512
"""W3C asks for 8192. Ours stands in each row (`Message.baggage`), and is not worth so much."""
_KEPT = 1
"""Of W3C's flags, the last bit: sampled."""
_KEPT_DIGITS = frozenset("13579bdf")


@dataclass(frozen=True, slots=True)
class Context:
    """As the W3C headers have it."""

    traceparent: str = ""
    baggage: str = ""

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]

    @property
    def is_kept(self) -> bool:
        """Somebody wants this trace. Where nobody does nothing is done at all: an SDK's span that
        is thrown away costs as much as one that is kept."""
        return self.traceparent != "" and self.traceparent[-1] in _KEPT_DIGITS

    @property
    def headers(self) -> dict[str, str]:
        given = {"traceparent": self.traceparent, "baggage": self.baggage}
        return {name: value for name, value in given.items() if value}

    def kept(self, is_kept: bool) -> "Context":
        """The same trace, wanted or not."""
        if not self.traceparent:
            return self
        others = int(self.traceparent[-2:], 16) & ~_KEPT
        return Context(f"{self.traceparent[:-2]}{others | is_kept:02x}", self.baggage)


NONE = Context()


def arriving(meta: Mapping[str, Any]) -> Context:
    """A caller's, in `request.META`. Baggage may come without a trace."""
    found = _TRACEPARENT.fullmatch(meta.get("HTTP_TRACEPARENT", ""))
    baggage = _whole_members(meta.get("HTTP_BAGGAGE", ""))
    is_good = _BAGGAGE.fullmatch(baggage) is not None
    return Context(f"00{found[1]}" if found else "", baggage if is_good else "")


def _whole_members(baggage: str) -> str:
    """The first ones, for which there is room. (No member holds a comma: W3C has it encoded.)"""
    if len(baggage) <= MOST_BAGGAGE:
        return baggage
    return baggage[: max(baggage.rfind(",", 0, MOST_BAGGAGE + 1), 0)].rstrip()
