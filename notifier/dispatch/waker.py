"""Wakes lanes beside the request: a slow Redis delays no answer, and requests at the same moment
share one round trip. What a crash leaves unwoken, the clock wakes within a second."""

import threading
import time

from notifier.dispatch.lanes import Lane, Wake, wake_job, wake_of

GATHER_SECONDS = 0.02


class Waker:
    """One thread of the process; it begins with the first wake, so after any fork. The first wakes
    at once; those in the time after it share the next round trip."""

    def __init__(self, gather_seconds: float = GATHER_SECONDS) -> None:
        self._gather_seconds = gather_seconds
        self._due: set[Wake] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def soon(self, wake: Wake) -> None:
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()
            if wake not in self._due:
                self._due.add(wake)
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due)
                due, self._due = self._due, set()
            for wake in due:
                wake_job(wake)
            time.sleep(self._gather_seconds)


waker = Waker()


def wake_soon(lane: Lane) -> None:
    waker.soon(wake_of(lane))
