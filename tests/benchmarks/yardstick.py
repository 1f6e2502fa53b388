"""How fast the machine is meanwhile: a fixed piece of work, timed again and again by its own
processor time. On a host that others use, too, the speed changes by half within minutes."""

import threading
import time
from statistics import mean

STEPS = 30_000
EVERY_SECONDS = 0.25


class Yardstick:
    """Enter it, and leave it to know its `seconds`: what the work took in the mean."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._taken: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="yardstick", daemon=True)

    def __enter__(self) -> "Yardstick":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.seconds = mean(self._taken)

    def _run(self) -> None:
        while True:
            began, found = time.thread_time(), {}
            for step in range(STEPS):
                found[step % 1000] = str(step)
            self._taken.append(time.thread_time() - began)
            if self._ended.wait(EVERY_SECONDS):
                return
