"""What a process remembers for a moment, so that a request need not ask the database again."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

SECONDS = 2.0
"""A change made in another process is seen after this time at the latest."""
EARLY = 0.5
"""So long before, one thread asks again, and the others go on with what is known: else all of them
would ask at the same moment."""
MOST = 10_000


class Memory(Generic[Value]):
    """Values by key for SECONDS. None is not remembered: what is missing may be made any moment."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float, Value]] = {}
        """When to ask again, until when it holds, and what."""

    def get(self, key: str, load: Callable[[str], Value | None]) -> Value | None:
        known = self._known.get(key)
        if known is not None:
            again, until, value = known
            if time.monotonic() < again:
                return value
            self._known[key] = (until, until, value)
        fresh = load(key)
        if fresh is None:
            self._known.pop(key, None)
        else:
            if len(self._known) >= MOST:
                self._known.clear()
            until = time.monotonic() + SECONDS
            self._known[key] = (until - EARLY, until, fresh)
        return fresh

    def forget(self, *_args: object, **_kwargs: object) -> None:
        """Takes any arguments, so that it can be connected to a signal."""
        self._known.clear()
