"""Threads that do what is known, and the profile of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.profiling.sampling import CpuProfile, Sampled, Sampler


@contextmanager
def threads(**work: Callable[[], object]) -> Iterator[None]:
    started = [threading.Thread(target=one, name=name, daemon=True) for name, one in work.items()]
    for one in started:
        one.start()
    yield
    for one in started:
        one.join()


def profile(seconds: float, **work: Callable[[], object]) -> CpuProfile:
    with threads(**work):
        return Sampler({threading.get_ident()}).run(seconds)


def of(found: CpuProfile, name: str) -> Sampled:
    (one,) = [one for one in found.threads if one.name == name]
    return one


def waiting(seconds: float) -> Callable[[], object]:
    return lambda: threading.Event().wait(seconds)
