"""Real threads for tests of races: they start together and close their database connections."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """What `call(0)` ... `call(count - 1)` returned; the first exception is raised."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait()
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
