"""Where code stands: function, file, line. All that a profile tells of the code; never a frame's
locals, arguments or values."""

import gc
import os
import sys
import threading
from collections.abc import Container
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType

import msgspec

MOST_FRAMES = 120
"""Of a stack: what lies in the middle of a deeper one is left out."""
OURS = ("notifier/", "templates_app/", "config/")
LEFT_OUT = "…"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """`file`: below the project or as its library has it (redis/client.py), never from the
    machine's root. `line`: 0 where it is not known."""

    function: str
    file: str
    line: int

    @property
    def is_ours(self) -> bool:
        return self.file.startswith(OURS)

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


Step = tuple[CodeType, int]
"""Of a stack: the code and the offset of the instruction. Its line is looked up once, afterwards:
that takes longer than all the rest of a sample."""
Stack = tuple[Step, ...]

GAP = Place(LEFT_OUT, "", 0)
WAITING = frozenset(
    {
        ("threading.py", "Condition.wait"),
        ("threading.py", "Event.wait"),
        ("threading.py", "Thread.join"),
        ("threading.py", "Thread._wait_for_tstate_lock"),
        ("queue.py", "Queue.get"),
        ("selectors.py", "EpollSelector.select"),
        ("selectors.py", "KqueueSelector.select"),
        ("selectors.py", "PollSelector.select"),
        ("selectors.py", "_PollLikeSelector.select"),
        ("selectors.py", "SelectSelector.select"),
        ("selectors.py", "SelectSelector._select"),
        ("socket.py", "socket.accept"),
        ("socket.py", "SocketIO.readinto"),
        ("ssl.py", "SSLSocket.read"),
        ("subprocess.py", "Popen._try_wait"),
        ("subprocess.py", "Popen._wait"),
        ("concurrent/futures/thread.py", "_worker"),
        ("redis/_parsers/hiredis.py", "_HiredisParser.read_from_socket"),
        ("redis/_parsers/hiredis.py", "_socket_can_read"),
        ("redis/_parsers/socket.py", "SocketBuffer._read_from_socket"),
    }
)
"""(file, function) in which a thread stands while it waits for a lock, a queue or a socket."""


_walk = threading.Lock()
os.register_at_fork(
    before=_walk.acquire, after_in_parent=_walk.release, after_in_child=_walk.release
)


def stacks(left_out: Container[int]) -> dict[int, Stack]:
    """Of each thread, by its ident.

    The garbage collector rests meanwhile. On Python 3.11 it may run inside `f_back`, a finalizer
    lets go of the interpreter's lock, the other thread goes on, and the frame object that is being
    made stands for a frame that is no more: the process dies (tests/profiling/test_frames.py).
    """
    with _walk:
        collects = gc.isenabled()
        gc.disable()
        try:
            frames = sys._current_frames().items()
            return {ident: stack_of(frame) for ident, frame in frames if ident not in left_out}
        finally:
            if collects:
                gc.enable()


def stack_of(frame: FrameType | None) -> Stack:
    """From the innermost step outwards."""
    steps: list[Step] = []
    while frame is not None:
        steps.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(steps)


def places_of(stack: Stack) -> tuple[Place, ...]:
    """From the outermost place inwards, without the threading module's own beginning."""
    found = [_place(code, offset) for code, offset in reversed(stack)]
    while len(found) > 1 and found[0].file == "threading.py":
        del found[0]
    if len(found) > MOST_FRAMES:
        half = MOST_FRAMES // 2
        found[half:-half] = [GAP]
    return tuple(found)


def waits(stack: Stack) -> bool:
    """Whether it ends where threads wait. One that waits in a C function of a library is not told
    so, but it takes no processor time either."""
    code = stack[0][0]
    return (file_of(code.co_filename), code.co_qualname) in WAITING


@lru_cache(maxsize=20_000)
def _place(code: CodeType, offset: int) -> Place:
    found = (line for start, end, line in code.co_lines() if start <= offset < end)
    line = next(found, None) or code.co_firstlineno
    return Place(code.co_qualname, file_of(code.co_filename), line)


@lru_cache(maxsize=5_000)
def file_of(path: str) -> str:
    for root in _roots():
        if path.startswith(root):
            return path[len(root) :]
    return path if path.startswith("<") else Path(path).name


@lru_cache(maxsize=1)
def _roots() -> list[str]:
    """Where modules are imported from, the deepest first: a project can hold its environment."""
    project = Path(__file__).parents[2]
    folders = {str(project), *(one for one in sys.path if Path(one).is_absolute())}
    return sorted((f"{one.rstrip('/')}/" for one in folders), key=len, reverse=True)
