"""The Procfile's processes under supervisord, which restarts what dies and stops all at the end."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from notifier.demo import redis_server

HEADER = """[supervisord]
nodaemon=true
silent=true
logfile={home}/supervisord.log
pidfile={home}/supervisord.pid
childlogdir={home}
"""
PROGRAM = """
[program:{name}]
command=/bin/sh -c {command}
directory={directory}
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


def procfile(path: Path) -> dict[str, str]:
    """`name: command`, a line each."""
    lines = (line.partition(":") for line in path.read_text().splitlines() if ":" in line)
    return {name.strip(): command.strip() for name, _, command in lines if name[:1] != "#"}


def supervisord_config(home: Path, directory: Path, redis_socket: Path | None) -> str:
    commands = procfile(directory / "Procfile")
    if redis_socket is not None:
        redis = " ".join(redis_server.command(redis_socket)).replace("--save ", "--save '' ")
        commands = {"redis": redis} | commands
    programs = (
        PROGRAM.format(
            name=name,
            # supervisord reads % and quotes in its own way.
            command=f'"exec {command}"'.replace("%", "%%"),
            directory=directory,
            priority=1 if name == "redis" else 10,
        )
        for name, command in commands.items()
    )
    return HEADER.format(home=home) + "".join(programs)


def start(config: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that a Ctrl-C reaches it once, through us."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    return subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
        env=os.environ | dict(environment) | {"PATH": path},
        start_new_session=True,
    )
