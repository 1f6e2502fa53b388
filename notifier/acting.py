"""Who is acting: what is changed while somebody acts is written into the audit trail
(`notifier/audit`). The machine's own work has no actor, and writes nothing there."""

import os
import pwd
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

PROCESSES = frozenset({"worker", "clock", "wechat_simulator", "runserver"})
"""Commands of manage.py that work for everybody and for nobody; all others are somebody's."""


@dataclass(frozen=True, slots=True)
class Actor:
    """`kind`: user, client, command, system or anonymous; `address`: an IP, empty for none."""

    kind: str
    name: str
    address: str = ""
    request_id: str = ""


SYSTEM = Actor("system", "hongyan")
"""Hongyan itself, where it decides what operators must be able to look up: a template's hold."""

_current: ContextVar[Callable[[], Actor] | None] = ContextVar("actor", default=None)


def current() -> Actor | None:
    find = _current.get()
    return find() if find else None


def somebody_acts() -> bool:
    """Costs a look into a variable: asked before each change, whoever makes it."""
    return _current.get() is not None


@contextmanager
def acting(find: Callable[[], Actor]) -> Iterator[None]:
    """`find` is called when something is recorded: most requests change nothing."""
    token = _current.set(find)
    try:
        yield
    finally:
        _current.reset(token)


def of_command(arguments: Sequence[str]) -> Callable[[], Actor] | None:
    """The actor of `manage.py <command> …`, or None for a process. The command's other arguments
    may be secrets, so they are not kept."""
    command = arguments[1] if len(arguments) > 1 else ""
    if not command or command in PROCESSES:
        return None
    actor = Actor("command", f"{command} ({login()})", request_id=uuid.uuid4().hex)
    return lambda: actor


def login() -> str:
    """Of the process, as the operating system has it: the environment can claim any."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's uid without a name
        return f"uid {os.getuid()}"
