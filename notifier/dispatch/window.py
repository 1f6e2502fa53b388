"""How many calls to WeChat are in the air at once: grows while it helps, shrinks when it hurts."""

import math

FLOOR = 4
START = 16
TOLERANCE = 2.0
"""An answer that takes twice the shortest time says that calls wait for each other."""


class Window:
    """The gradient algorithm of Netflix's concurrency-limits. `limit` calls may be in the air.

    By Little's law the throughput is the limit over the answer time. While answers do not slow
    down, the limit grows (doubling at first, then by its root); when they do, it shrinks in
    proportion. So immediate answers need a handful of connections, and slow ones get hundreds.
    """

    def __init__(self, ceiling: int) -> None:
        self.limit = min(START, ceiling)
        self._ceiling = ceiling
        self._floor = min(FLOOR, ceiling)
        self._first = True
        self._shortest = math.inf
        self._sum = 0.0
        self._count = 0
        self._was_full = False

    def sample(self, seconds: float, in_air: int) -> bool:
        """The time of one answer, and how many calls were in the air with it. True: it grew."""
        self._sum += seconds
        self._count += 1
        self._was_full |= in_air >= self.limit
        if self._count < self.limit:
            return False
        before = self.limit
        self._adjust(self._sum / self._count)
        self._sum, self._count, self._was_full = 0.0, 0, False
        return self.limit > before

    def _adjust(self, average: float) -> None:
        # The shortest time is forgotten slowly: WeChat may be slower for good.
        self._shortest = min(self._shortest * 1.02, average)
        gradient = min(1.0, max(0.5, TOLERANCE * self._shortest / max(average, 1e-6)))
        if gradient < 1:
            self._first = False
        elif not self._was_full:
            return  # nothing was learnt about more calls
        growth = self.limit if self._first else math.sqrt(self.limit)
        wanted = self.limit * gradient + growth
        self.limit = max(self._floor, min(self._ceiling, round(wanted)))
