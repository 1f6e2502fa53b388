"""What a process remembers for a moment, so that a request need not ask the database again."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

SECONDS = 2.0
"""A change made in another process is seen after this time at the latest."""
MOST = 10_000


class Memory(Generic[Value]):
    """Values by key for SECONDS. None is not remembered: what is missing may be made any moment."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Value]] = {}

    def get(self, key: str, load: Callable[[str], Value | None]) -> Value | None:
        until, value = self._known.get(key, (0.0, None))
        if value is not None:
            now = time.monotonic()
            if now < until:
                return value
            # The others go on with it meanwhile: else all threads would ask at the same moment.
            self._known[key] = (now + SECONDS, value)
        try:
            fresh = load(key)
        except BaseException:
            self._known.pop(key, None)
            raise
        if fresh is None:
            self._known.pop(key, None)
        else:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = (time.monotonic() + SECONDS, fresh)
        return fresh

    def forget(self, *_args: object, **_kwargs: object) -> None:
        """Takes any arguments, so that it can be connected to a signal."""
        self._known.clear()
