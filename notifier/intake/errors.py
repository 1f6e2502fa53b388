"""Why a message is not accepted. Each error names the part of the request that is at fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """`pointer`: a JSON pointer into the request, such as /data/order_no. `message`: an English
    msgid, with `params` where it has placeholders."""

    pointer: str
    code: str
    message: str
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """The message in English."""
        return self.message % self.params if self.params else self.message


class Rejected(Exception):
    """The request can never be accepted as it is; nothing was stored."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.faults = tuple(faults)


class KeyReused(Exception):
    """The idempotency key was used before, for another request."""


class Changing(Exception):
    """Something that the request names was deleted at this moment; nothing was stored."""


class InProgress(Exception):
    """A request with this idempotency key is being worked on at this moment."""
