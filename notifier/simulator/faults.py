"""What can be made to go wrong: faults, latency, and being busy above a concurrency."""

import math
import random
from dataclasses import asdict, dataclass
from typing import Any

from .accounts import BadInput
from .answers import Answer, Refusal, bad_gateway

SEND_PATH = "/cgi-bin/message/template/send"
ACTIONS = ("reset", "reset_before_accept", "timeout_after_accept", "html", "slow")
_SECONDS = {"slow": 3.0, "timeout_after_accept": 60.0}
_TYPES: dict[str, tuple[type, ...]] = {
    "appid": (str,),
    "path": (str,),
    "openid": (str,),
    "errcode": (int,),
    "http_status": (int,),
    "action": (str,),
    "seconds": (int, float),
    "times": (int,),
}


@dataclass(slots=True)
class Delay:
    """Log-normal: half of the draws are below the median, the tail is long; 0 is no delay."""

    median_ms: float = 0.0
    sigma: float = 0.6

    def draw(self) -> float:
        if self.median_ms <= 0:
            return 0.0
        return self.median_ms / 1000 * math.exp(random.gauss(0, self.sigma))


@dataclass(slots=True)
class Receipts:
    enabled: bool = True
    median_ms: float = 1000.0
    sigma: float = 0.6
    duplicate: float = 0.0
    lose: float = 0.0
    reorder: bool = False
    early: bool = False
    retry_ms: float = 1000.0

    def draw(self) -> float:
        delay = Delay(self.median_ms, self.sigma).draw()
        return (delay + 0.1) * random.uniform(0, 3) if self.reorder else delay


@dataclass(slots=True)
class Fault:
    appid: str | None = None
    path: str = SEND_PATH
    openid: str | None = None
    errcode: int | None = None
    http_status: int | None = None
    action: str | None = None
    seconds: float | None = None
    times: int | None = None

    def instead(self) -> Answer | None:
        """The answer that takes the place of the call, or None when the call is made."""
        if self.errcode is not None:
            raise Refusal(self.errcode)
        if self.http_status is not None:
            return bad_gateway(self.http_status)
        if self.action == "html":
            return bad_gateway()
        if self.action == "reset_before_accept":
            return Answer(ending="reset")
        return None

    def spoil(self, answer: Answer) -> Answer:
        """The call was made; how its answer gets lost or late."""
        held = _SECONDS.get(self.action or "", 0.0) if self.seconds is None else self.seconds
        answer.delay += held
        answer.ending = {"reset": "reset", "timeout_after_accept": "hang"}.get(
            self.action or "", answer.ending
        )
        return answer


class Faults:
    def __init__(self) -> None:
        self.active: list[Fault] = []

    def add(self, given: dict[str, Any]) -> Fault:
        for key, value in given.items():
            kinds = _TYPES.get(key)
            if kinds is None:
                raise BadInput(f'unknown field "{key}"; known are {", ".join(_TYPES)}')
            if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
                raise BadInput(f'"{key}" has the wrong type: {value!r}')
        fault = Fault(**{key: value for key, value in given.items() if value is not None})
        effects = [fault.errcode, fault.http_status, fault.action]
        if sum(effect is not None for effect in effects) != 1:
            raise BadInput('give exactly one of "errcode", "http_status" and "action"')
        if fault.action is not None and fault.action not in ACTIONS:
            raise BadInput(f'"action" must be one of {", ".join(ACTIONS)}')
        self.active.append(fault)
        return fault

    def take(self, path: str, appid: str | None, openid: str | None) -> Fault | None:
        """The first fault that fits; one with `times` is used up by this."""
        for fault in self.active:
            wanted = ((fault.path, path), (fault.appid, appid), (fault.openid, openid))
            if all(want is None or want == found for want, found in wanted):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.active.remove(fault)
                return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.active]
