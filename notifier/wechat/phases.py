"""Where the time of one call to WeChat went."""

import time
from dataclasses import dataclass, fields

SLOW_SECONDS = 1.0


@dataclass(slots=True)
class Phases:
    """Seconds; 0: the call had no such phase, or did not come to it. Filled while the call runs, so
    that one that fails tells how far it came."""

    host: str = ""
    """Of the last address tried."""
    is_reused: bool = False
    """Its connection was kept from an earlier call."""
    lost: float = 0.0
    """At addresses that gave no connection, before the last one."""
    token: float = 0.0
    """Until there was an access token."""
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
        self.lost += self.dns + self.tcp + self.tls
        self.dns = self.tcp = self.tls = 0.0

    def spent(self) -> dict[str, float]:
        """The phases there were, in their order."""
        return {name: spent for name in PHASES if (spent := getattr(self, name))}

    def is_ordinary(self) -> bool:
        """Nothing to tell but that WeChat answered soon, on a kept connection."""
        return self.is_reused and not self.lost and not self.token and self.wait < SLOW_SECONDS

    def as_dict(self) -> dict[str, object]:
        """In whole milliseconds, 1 at least; with `host` and `reused`."""
        spent = {name: max(round(one * 1000), 1) for name, one in self.spent().items()}
        return {"host": self.host, "reused": self.is_reused, **spent}


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


PHASES = tuple(field.name for field in fields(Phases) if field.type is float)
