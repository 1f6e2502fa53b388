"""What the page and the processes say to each other through Redis. They may stand on different
machines: no signal and no ptrace reaches so far.

Redis's channels know nothing of its numbered databases, so their names have the number: two
Hongyans that share a Redis do not hear each other.
"""

from functools import lru_cache
from typing import Any, Literal

import msgspec
from redis import Redis

from notifier.dispatch.lanes import redis
from notifier.profiling.memory import MemoryProfile
from notifier.profiling.sampling import CpuProfile
from notifier.profiling.threads import ThreadDump

KNOWN = "hongyan:processes"
"""A hash: id of a process -> as it was last heard of."""
KNOWN_SECONDS = 7 * 24 * 3600
MOST_KNOWN = 1000
"""Of more, as after a night of processes that die at their start, all are forgotten: those that
live say so when they are asked."""
LATEST = "hongyan:profiles"
"""A sorted set: the runs by their time."""
KEPT_SECONDS = 3600
REPLY_SECONDS = 10
MOST_SECONDS = 60
MOST_BYTES = 8 * 1024 * 1024
"""Of a stored result, packed."""

What = Literal["cpu", "memory", "threads"]


class Process(msgspec.Struct, frozen=True):
    """`started`, `busy_until`, `missing_since`: Unix seconds, 0 for none. `detail`: a worker's
    queues. `rss`: bytes."""

    id: str
    name: str
    kind: str
    detail: str
    pid: int
    host: str
    started: float
    rss: int
    threads: int
    busy_until: float = 0
    missing_since: float = 0

    @property
    def answers(self) -> bool:
        return not self.missing_since

    def __str__(self) -> str:
        return f"{self.name} {self.pid}@{self.host}"


class Order(msgspec.Struct):
    """`reply`: the list that the answer is pushed to. `who`: everybody says what it is."""

    ask: Literal["who"] | What
    reply: str
    run: str = ""
    seconds: float = 0


class Answer(msgspec.Struct):
    """`refused`: another profile is being made."""

    process: Process
    refused: bool = False


class Failure(msgspec.Struct, tag="failure"):
    """`error`: the exception's class; its text may hold values."""

    error: str


Result = CpuProfile | MemoryProfile | ThreadDump | Failure


def channel(process: str = "") -> str:
    """Everybody's, or that of one process."""
    return ":".join(filter(None, (f"hongyan:{_database()}:profiling", process)))


def run_key(run: str) -> str:
    return f"hongyan:profile:{run}"


def result_key(run: str) -> str:
    return f"hongyan:profile:{run}:result"


def answer(reply: str, given: Answer) -> None:
    pipe: Any = redis().pipeline()
    pipe.rpush(reply, msgspec.json.encode(given))
    pipe.expire(reply, REPLY_SECONDS)
    pipe.execute()


def note(process: Process) -> None:
    """Raises RedisError."""
    if redis().hlen(KNOWN) >= MOST_KNOWN:
        redis().delete(KNOWN)
    pipe: Any = redis().pipeline()
    pipe.hset(KNOWN, process.id, msgspec.json.encode(process))
    pipe.expire(KNOWN, KNOWN_SECONDS)
    pipe.execute()


def forget(*processes: str) -> None:
    if processes:
        redis().hdel(KNOWN, *processes)


@lru_cache(maxsize=1)
def _database() -> int:
    client: Redis = redis()
    return int(client.connection_pool.connection_kwargs.get("db") or 0)
