"""Connections to services' addresses. The address is looked at where it is connected to, after the
name was resolved: a name that resolves otherwise the next time leads nowhere else.
"""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from notifier.webhooks.guard import is_allowed, may_reach

CONNECT_SECONDS = 3.0
RESOLVE_SECONDS = 5.0
RESOLVERS = 16


class Unsent(Exception):
    """No connection was made; `problem` is a name of PROBLEMS. No OSError, which urllib3 would
    take for the network's."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Line:
    """What one thread calls at the moment. Another may cut it: a server that sends a byte now and
    then never runs into a time-out of the socket."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: list[socket.socket] = []
        self.deadline = 0.0
        self.was_cut = False

    def begin(self, seconds: float) -> None:
        """A call that may take so long in all."""
        self.was_cut = False
        self.deadline = time.monotonic() + seconds

    def end(self) -> None:
        self.deadline = 0.0

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def watch(self, connected: socket.socket) -> None:
        """A copy, since TLS takes the socket itself over."""
        with self._lock:
            self._copies.append(connected.dup())

    def cut_if_late(self) -> None:
        if self.deadline and self.left() < 0:
            with self._lock:
                self.was_cut = True
                for one in self._copies:
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for one in self._copies:
                one.close()
            self._copies.clear()


_mine = threading.local()


@contextmanager
def session_on(line: Line) -> Iterator[requests.Session]:
    """For this thread."""
    _mine.line = line
    session = requests.Session()
    session.trust_env = False  # no proxy, which would resolve the name itself, and no .netrc
    session.verify = settings.WEBHOOK_CA_FILE
    adapter = _Guarded(pool_connections=1, pool_maxsize=1)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    try:
        yield session
    finally:
        session.close()
        line.close()


@lru_cache(maxsize=1)
def _resolvers() -> ThreadPoolExecutor:
    """The look-up of a name cannot be given a time-out: it is left behind."""
    return ThreadPoolExecutor(RESOLVERS, "resolver")


def _dial(connection: HTTPConnection) -> socket.socket:
    """Raises Unsent."""
    line: Line = _mine.line
    asked = _resolvers().submit(
        socket.getaddrinfo, connection.host, connection.port, type=socket.SOCK_STREAM
    )
    try:
        found = asked.result(min(RESOLVE_SECONDS, max(line.left(), 0)))
    except (OSError, UnicodeError):  # the time-out is an OSError, too
        asked.cancel()
        raise Unsent("dns") from None
    networks = settings.WEBHOOK_ALLOWED_NETWORKS
    addresses = [str(where[0]) for *_rest, where in found]
    if not all(may_reach(one, networks) for one in addresses):
        raise Unsent("forbidden")
    is_plain = not isinstance(connection, HTTPSConnection)
    if is_plain and not all(is_allowed(one, networks) for one in addresses):
        raise Unsent("not_https")
    problem = "connect_timeout"
    for family, kind, protocol, _name, where in found:
        if line.left() <= 0:
            break
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(min(CONNECT_SECONDS, line.left()))
            made.connect(where)
        except OSError as error:
            made.close()
            problem = "connect_timeout" if isinstance(error, TimeoutError) else "no_connection"
            continue
        line.watch(made)
        return made
    raise Unsent(problem)


class _Plain(HTTPConnection):
    _new_conn = _dial


class _Secure(HTTPSConnection):
    _new_conn = _dial


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Guarded(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
