"""Real workers and a real clock against the test's database and Redis, ended by their pids."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from notifier.dispatch.lanes import redis

LEASE_SECONDS = 5


def database_url() -> str:
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    host = quote(str(given["OPTIONS"].get("host") or given["HOST"]), safe="/")
    user, name = given["USER"], given["NAME"]
    return f"postgresql://{user}@/{name}?host={host}"


def start(*command: str, log: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DISPATCH_LEASE_SECONDS": str(LEASE_SECONDS),
        "LOG_LEVEL": "DEBUG",
    }
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def running(*commands: str, log: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The commands as processes; at the end each is asked to stop and waited for."""
    with ExitStack() as stack:
        processes = []
        for command in commands:
            process = start(*command.split(), log=log)
            stack.callback(_stop, process)
            processes.append(process)
        yield processes


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(0.05)


def everything_in_redis() -> list[bytes]:
    """Every key and value, jobs included."""
    parts: list[bytes] = []
    for key in redis().scan_iter():
        parts.append(key)
        match redis().type(key):
            case b"string":
                parts.append(redis().get(key) or b"")
            case b"hash":
                parts.extend(part for pair in redis().hgetall(key).items() for part in pair)
            case b"list":
                parts.extend(redis().lrange(key, 0, -1))
            case b"set":
                parts.extend(redis().smembers(key))
            case b"zset":
                parts.extend(redis().zrange(key, 0, -1))
            case b"stream":
                parts.append(repr(redis().xrange(key)).encode())
    return parts
