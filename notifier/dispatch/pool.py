"""The bounded pool of sender threads, one for the process, kept between jobs."""

import threading
from collections.abc import Callable
from functools import lru_cache
from queue import SimpleQueue
from typing import Any

from django.conf import settings


class SenderPool:
    """Runs `call(item)` and puts what it returns into `results`. `call` must not raise.

    SimpleQueue instead of ThreadPoolExecutor: a Future costs a lock and a condition a message.
    """

    def __init__(self, size: int) -> None:
        self._work: SimpleQueue[tuple[Callable[[Any], Any], Any, SimpleQueue[Any]]] = SimpleQueue()
        for number in range(size):
            threading.Thread(target=self._run, name=f"sender-{number}", daemon=True).start()

    def submit(
        self, call: Callable[[Any], Any], items: list[Any], results: "SimpleQueue[Any]"
    ) -> None:
        for item in items:
            self._work.put((call, item, results))

    def _run(self) -> None:
        while True:
            call, item, results = self._work.get()
            results.put(call(item))


@lru_cache(maxsize=1)
def sender_pool() -> SenderPool:
    return SenderPool(settings.DISPATCH_THREADS)
