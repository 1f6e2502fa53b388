"""Our dispatch, whose observing is switched on and off between blocks of messages in one process:
two processes of the same code differ by several per cent, more than what is to be measured.
Prints microseconds of the processor's for a message, off and on:
python -m tests.benchmarks.switched_loop N BLOCKS [SHARE]

SHARE: the messages have a trace, of which so many are exported while it is on.
"""

from tests.benchmarks import our_loop  # isort: skip - sets Django up
import sys
import time
from contextlib import AbstractContextManager, nullcontext

from prometheus_client import values

from notifier import garbage, tracing
from notifier.dispatch import send, settle
from notifier.tracing import allowance
from notifier.wechat.phases import Phases


class _Untimed(Phases):
    """As ordinary as any: it writes nothing beside its message."""

    def timed(self, _name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def is_ordinary(self) -> bool:
        return True


_UNTIMED = _Untimed()
WATCHING = {
    (values.ValueClass, "inc"): lambda _value, _amount: None,
    (settle, "_count"): lambda _steps: None,
    (settle, "_tell_slow"): lambda _attempts: None,
    (tracing, "is_on"): lambda: False,
    (send, "Phases"): lambda: _UNTIMED,
}
"""What is called to observe, and what is called instead."""
_OBSERVING = {place: getattr(*place) for place in WATCHING}


def switch(is_on: bool) -> None:
    for (module, name), nothing in WATCHING.items():
        setattr(module, name, _OBSERVING[module, name] if is_on else nothing)


def main(count: int, blocks: int, traced: float) -> tuple[float, float]:
    our_loop.empty()
    garbage.spare()  # as the worker does
    seconds = {True: 0.0, False: 0.0}
    our_loop.run(300, traced=traced)
    for number in range(2 * blocks):
        # on off off on: what rises or falls meanwhile is shared alike.
        is_on = number % 4 in (0, 3)
        switch(is_on)
        lane = our_loop.fill(count, traced=traced)
        # What was saved while it was off: under a load that does not end there is nothing saved.
        allowance.take("message", sys.maxsize)
        began = time.process_time()
        our_loop.send(lane)
        seconds[is_on] += time.process_time() - began
    return seconds[False] / count / blocks * 1e6, seconds[True] / count / blocks * 1e6


if __name__ == "__main__":
    print(*main(int(sys.argv[1]), int(sys.argv[2]), float([*sys.argv, "0"][3])))
