"""The Procfile's processes under supervisord, which restarts what dies and stops all at the end."""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from notifier.demo import redis_server

HIGHEST_PORT = 65535
# %(here)s is the config's folder. supervisord puts it in after reading the line, so that a blank,
# a % or a quote in the path mean nothing to it.
HEADER = """[supervisord]
nodaemon=true
silent=true
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
"""
PROGRAM = """
[program:{name}]
command=/bin/sh -c {command}
environment=HONGYAN_PROCESS="{name}"
priority={priority}
autorestart=true
startretries=1000
stopwaitsecs=20
killasgroup=true
redirect_stderr=true
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
"""


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def another_port(number: int, *taken: int) -> int:
    """The next above, or below the highest there is."""
    candidates: list[int] = [*range(number + 1, HIGHEST_PORT + 1), *range(number - 1, 0, -1)]
    return next(one for one in candidates if one not in taken and port_is_free(one))


def procfile(path: Path) -> dict[str, str]:
    """`name: command`, a line each."""
    lines = (line.partition(":") for line in path.read_text().splitlines() if ":" in line)
    return {name.strip(): command.strip() for name, _, command in lines if name[:1] != "#"}


def supervisord_config(directory: Path, redis_socket: Path | None) -> str:
    commands = procfile(directory / "Procfile")
    if redis_socket is not None:
        commands = {"redis": shlex.join(redis_server.command(redis_socket))} | commands
    programs = (
        PROGRAM.format(
            name=name,
            command=_quoted(f"exec {command}"),
            priority=1 if name == "redis" else 10,
        )
        for name, command in commands.items()
    )
    return HEADER + "".join(programs)


def _quoted(command: str) -> str:
    """As one word for supervisord, which reads quotes, backslashes and % in its own way."""
    escaped = command.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def start(
    home: Path, directory: Path, environment: Mapping[str, str], lock: IO[str]
) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that a Ctrl-C reaches it once, through us. It shares the lock:
    where we are killed and it goes on, the next start sees that Hongyan runs."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    pid_file(home).unlink(missing_ok=True)  # one that was killed has left its own
    return subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(home / "supervisord.conf")],
        cwd=directory,
        env=os.environ | dict(environment) | {"PATH": path},
        start_new_session=True,
        pass_fds=[lock.fileno()],
    )


def pid_file(home: Path) -> Path:
    return home / "supervisord.pid"
