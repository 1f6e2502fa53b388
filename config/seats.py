"""Where this process counts: files of its own in the folder of metrics.

prometheus_client names the files by the process's number. In containers all processes may be number
one, and two that write into one file break it for everybody. A seat is locked while its process
lives, whatever the containers are; the next process takes it over and counts on from there, so
the folder grows with the processes at work, not with all there ever were.
"""

import fcntl
import itertools
import os
from pathlib import Path

from prometheus_client import values

from config import env

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it, too."""


def take_one() -> None:
    """Called before the first metric is made. prometheus_client is imported by now, and has chosen
    by what the environment said then."""
    values.ValueClass = values.MutexValue
    folder = env.directory(METRICS_FOLDER, env.home() / "metrics")
    if env.hand_on(METRICS_FOLDER, folder):
        values.ValueClass = values.MultiProcessValue(Seat(folder))  # type: ignore[no-untyped-call]


class Seat:
    """Called before each count: the same text in one process, another in each that runs beside it.

    OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name, self._pid = "", 0
        self._lock: int | None = None

    def __call__(self) -> str:
        if self._pid != os.getpid():
            self._take()
        return self._name

    def _take(self) -> None:
        if self._lock is not None:  # inherited by a fork: the parent keeps its own
            os.close(self._lock)
        for number in itertools.count():
            lock = _locked(self._folder / f"{number}.lock")
            if lock is not None:
                self._name, self._pid, self._lock = str(number), os.getpid(), lock
                return


def _locked(path: Path) -> int | None:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        if path.exists():  # another user's
            return None
        raise
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
