"""Threads that come and go, garbage whose end takes its time, and somebody who looks at the stacks:
what killed a process on Python 3.11. Run by itself, for it may die."""

import gc
import threading
import time

from notifier.profiling.places import stacks

SECONDS = 4
PAUSE = 0.03
looker = threading.get_ident()
ended = threading.Event()
looking = False


class Garbage:
    """Now and then its end lets other threads go on, as the end of a socket or a file does."""

    count = 0

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        if looking and threading.get_ident() == looker:
            Garbage.count += 1
            if Garbage.count % 200 == 0:
                time.sleep(PAUSE)


def deep(depth: int) -> None:
    if depth:
        deep(depth - 1)
    else:
        Garbage()
        time.sleep(0.005)


def come_and_go() -> None:
    while not ended.is_set():
        threads = [threading.Thread(target=deep, args=(60,)) for _ in range(5)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()


if __name__ == "__main__":
    gc.set_threshold(120, 1, 1)
    for _ in range(2):
        threading.Thread(target=come_and_go).start()
    until = time.monotonic() + SECONDS
    looks = 0
    while time.monotonic() < until:
        looking = True
        stacks({looker})
        looking = False
        looks += 1
    ended.set()
    print(looks, gc.isenabled())
