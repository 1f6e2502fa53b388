"""Where the time of one call to WeChat went."""

import time
from dataclasses import dataclass, field, fields

SLOW_SECONDS = 1.0


@dataclass(slots=True)
class Phases:
    """Seconds; 0: the call had no such phase, or did not come to it. Filled while the call runs, so
    that one that fails tells how far it came."""

    host: str = ""
    """Of the last address tried."""
    is_reused: bool = False
    """Its connection was kept from an earlier call."""
    is_open: bool = False
    """There was a connection."""
    lost_at: dict[str, float] = field(default_factory=dict)
    """At addresses that gave no connection, before the last one, by their hosts."""
    token: float = 0.0
    """Until there was an access token."""
    token_call: "Phases | None" = None
    """The call that fetched it meanwhile."""
    dns: float = 0.0
    tcp: float = 0.0
    tls: float = 0.0
    wait: float = 0.0
    """From the request to the first byte of the answer."""
    transfer: float = 0.0
    """From the first byte of the answer to its last."""

    def timed(self, name: str) -> "_Timed":
        """What runs here is that phase, also when it fails."""
        return _Timed(self, name)

    def give_up(self) -> None:
        """The address gave no connection: another is tried."""
        spent = self.dns + self.tcp + self.tls
        self.lost_at[self.host] = self.lost_at.get(self.host, 0.0) + spent
        self.dns = self.tcp = self.tls = 0.0

    @property
    def connection(self) -> str:
        """How the last address was reached; none: it gave no connection."""
        if self.is_reused:
            return "reused"
        return "new" if self.is_open else "none"

    def spent(self) -> dict[str, float]:
        """The phases there were, in their order; `lost`: at all addresses of `lost_at`."""
        lost = {"lost": sum(self.lost_at.values())} if self.lost_at else {}
        return lost | {name: spent for name in PHASES if (spent := getattr(self, name))}

    def is_ordinary(self) -> bool:
        """Nothing to tell but that WeChat answered soon, on a kept connection."""
        is_soon = self.wait + self.transfer < SLOW_SECONDS
        return self.is_reused and is_soon and not self.lost_at and not self.token

    def as_dict(self) -> dict[str, object]:
        """In whole milliseconds, 1 at least; with `host` and `reused`, and `token_call`, the same
        of that one, if there was one."""
        spent = {name: max(round(one * 1000), 1) for name, one in self.spent().items()}
        fetched = {"token_call": self.token_call.as_dict()} if self.token_call else {}
        return {"host": self.host, "reused": self.is_reused, **spent, **fetched}


class _Timed:
    """No generator: that takes twice as long, for each call to WeChat."""

    __slots__ = ("_began", "_name", "_phases")

    def __init__(self, phases: Phases, name: str) -> None:
        self._phases, self._name = phases, name

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        spent = getattr(self._phases, self._name) + time.monotonic() - self._began
        setattr(self._phases, self._name, spent)


PHASES = tuple(one.name for one in fields(Phases) if one.type is float)
"""Beside them: `lost`."""
