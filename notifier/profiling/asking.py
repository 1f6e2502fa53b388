"""What the page and the command ask: which processes answer, a profile, what became of it."""

import re
import secrets
import time
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from notifier.audit.record import record
from notifier.dispatch.lanes import redis
from notifier.models import Action
from notifier.profiling import channel
from notifier.profiling.channel import Answer, Failure, Order, Process, Result, What

ANSWER_SECONDS = 1.0
FORGET_SECONDS = 600
"""A process that does not answer is shown for so long: somebody may wonder where it is."""
GRACE_SECONDS = 20
"""Over a profile's time, for its result to come."""
SHOWN = 20
KINDS = ("web", "worker", "clock")
RUN = re.compile(r"[0-9a-f]{16}")


class NoAnswer(Exception):
    """The process is gone or of another version, or does nothing at all: it is stopped, or one
    call holds it up."""


class Busy(Exception):
    """It makes another profile."""


class State(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"


class Run(msgspec.Struct, frozen=True):
    """A profile that was asked for. `asked_at`: Unix seconds."""

    id: str
    what: What
    seconds: float
    process: Process
    asked_at: float
    asked_by: str

    @property
    def ends_at(self) -> float:
        return self.asked_at + self.seconds

    @property
    def title(self) -> str:
        return f"{self.process} {self.what}"


def processes() -> list[Process]:
    """Those that answer within a second, then those that were there and do not. Raises
    RedisError."""
    reply, now = _reply(), time.time()
    count: Any = redis().publish(channel.channel(), msgspec.json.encode(Order("who", reply)))
    answered = {one.process.id: one.process for one in _answers(reply, count)}
    stored: Any = redis().hgetall(channel.KNOWN)
    known = {one.id: one for one in (_read(raw, Process) for raw in stored.values()) if one}
    for process in answered.values():
        if process.id not in known or known[process.id].missing_since:
            channel.note(process)
    silent = [one for one in known.values() if one.id not in answered]
    over = [one for one in silent if now - (one.missing_since or now) > FORGET_SECONDS]
    channel.forget(*(one.id for one in over))
    missing = [one for one in silent if one not in over]
    for one in missing:
        if not one.missing_since:
            channel.note(msgspec.structs.replace(one, missing_since=now))
    shown = [*answered.values(), *(_missing(one, now) for one in missing)]
    return sorted(shown, key=lambda one: (not one.answers, *_order(one)))


def _order(one: Process) -> tuple[Any, ...]:
    place = KINDS.index(one.kind) if one.kind in KINDS else len(KINDS)
    return place, one.name, one.host, one.pid


def _missing(one: Process, now: float) -> Process:
    return msgspec.structs.replace(one, missing_since=one.missing_since or now)


def start(process: Process, what: What, seconds: float, asked_by: str) -> Run:
    """It is in the audit trail before it begins: none is made that is not written down. Raises
    NoAnswer, Busy, RedisError."""
    record(
        Action.PROFILE,
        object_type="notifier.process",
        object_id=process.id,
        object_name=str(process),
        after={"profile": what} | ({"seconds": seconds} if seconds else {}),
    )
    run, reply = secrets.token_hex(8), _reply()
    order = Order(what, reply, run, seconds)
    count: Any = redis().publish(channel.channel(process.id), msgspec.json.encode(order))
    given = next(_answers(reply, count), None)
    if given is None:
        raise NoAnswer
    if given.refused:
        raise Busy
    made = Run(run, what, seconds, given.process, time.time(), asked_by)
    pipe: Any = redis().pipeline()
    pipe.set(channel.run_key(run), msgspec.json.encode(made), ex=channel.KEPT_SECONDS)
    pipe.zadd(channel.LATEST, {run: made.asked_at})
    pipe.zremrangebyscore(channel.LATEST, 0, made.asked_at - channel.KEPT_SECONDS)
    pipe.expire(channel.LATEST, channel.KEPT_SECONDS)
    pipe.execute()
    return made


def find(run: str) -> Run | None:
    """None: there is none, or its time is over. Raises RedisError."""
    if not RUN.fullmatch(run):
        return None
    stored: Any = redis().get(channel.run_key(run))
    return _read(stored, Run) if stored else None


def latest() -> list[tuple[Run, State]]:
    """The newest first. Raises RedisError."""
    ids: Any = redis().zrevrange(channel.LATEST, 0, SHOWN - 1)
    found = [one for one in (find(run.decode()) for run in ids) if one]
    return [(one, result(one)[0]) for one in found]


def result(run: Run) -> tuple[State, Result | None]:
    """Raises RedisError."""
    stored: Any = redis().get(channel.result_key(run.id))
    if stored is None:
        return State.RUNNING if time.time() < run.ends_at + GRACE_SECONDS else State.LOST, None
    found: Result = _read(zlib.decompress(stored), Result) or Failure("AnotherVersion")
    return (State.FAILED if isinstance(found, Failure) else State.DONE), found


def _reply() -> str:
    return f"hongyan:profiling:{secrets.token_hex(8)}"


def _answers(reply: str, count: int) -> Iterator[Answer]:
    """So many as heard the question, within a second."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while count and (left := deadline - time.monotonic()) > 0:
        given: Any = redis().blpop([reply], timeout=min(max(left, 0.01), 0.5))
        if given is not None:
            count -= 1
            if one := _read(given[1], Answer):
                yield one


def _read(stored: bytes, kind: Any) -> Any:
    """None: another version of Hongyan wrote it."""
    try:
        return msgspec.json.decode(stored, type=kind)
    except msgspec.MsgspecError:
        return None
