"""Runs the simulator: its socket, its accounts file, its signals, one uvicorn server."""

import asyncio
import gc
import logging
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from . import certificate
from .accounts import BadInput, upsert
from .app import Simulator
from .faults import Delay
from .world import World


def run(
    host: str,
    port: int,
    accounts_file: Path | None,
    latency_ms: float = 0.0,
    certificate_file: Path | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes a free one and says which.

    HTTPS with `certificate_file`, which is made when it is missing.
    """
    world = World(latency=Delay(latency_ms))
    if accounts_file is not None:
        load(world, accounts_file)
    listener = _listen(host, port)
    scheme = "http"
    if certificate_file is not None:
        scheme = "https"
        if not certificate_file.exists():
            certificate.make(certificate_file)
    address = f"{scheme}://{host}:{listener.getsockname()[1]}/"
    sys.stdout.write(f"WeChat simulator: {address}\n")
    sys.stdout.flush()
    # Kept messages are many, live long and hold no cycles: the collector need not walk them often.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    config = uvicorn.Config(
        Simulator(world),
        http=_counting(world),
        loop="uvloop",
        ws="none",
        lifespan="off",
        ssl_certfile=certificate_file,
        access_log=False,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        backlog=4096,
    )
    server = _Server(config, world)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(server, listener, world))


def load(world: World, accounts_file: Path) -> None:
    try:
        rows = orjson.loads(accounts_file.read_bytes())["accounts"]
        for row in rows:
            upsert(world.accounts, row)
    except (OSError, orjson.JSONDecodeError, BadInput) as error:
        raise SystemExit(f"The accounts file {accounts_file} cannot be used: {error}") from error
    except (KeyError, TypeError) as error:
        text = f'The accounts file {accounts_file} must be an object with a list "accounts".'
        raise SystemExit(text) from error


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=4096)
    except OSError as error:
        text = f"The simulator cannot listen on {host}:{port}: {error.strerror}."
        raise SystemExit(text) from error


def _counting(world: World) -> type[asyncio.Protocol]:
    class CountingProtocol(HttpToolsProtocol):
        def connection_made(self, transport: Any) -> None:
            world.connections_opened += 1
            super().connection_made(transport)

    return CountingProtocol


class _Server(uvicorn.Server):
    """Ends at once: an unfinished answer or an open stream is not waited for."""

    def __init__(self, config: uvicorn.Config, world: World) -> None:
        super().__init__(config)
        self.world = world

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True
        self.force_exit = True
        logging.getLogger("uvicorn.error").disabled = True  # cut answers are no news now
        self.world.closing.set()


async def _serve(server: _Server, listener: socket.socket, world: World) -> None:
    world.pushes.open()
    try:
        await server.serve(sockets=[listener])
    finally:
        await world.pushes.close()
