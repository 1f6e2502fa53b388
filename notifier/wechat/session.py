"""The one requests.Session of the process: tokens, templates, everything but the messages. Where
the time of its calls goes is told by its connections, each in the thread of its call."""

import math
import socket
import threading
import time
from functools import lru_cache
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from notifier.wechat.phases import Phases

_call = threading.local()


class _Measured(HTTPConnection):
    _is_up = False
    """TCP's handshake is done."""

    def _new_conn(self) -> socket.socket:
        """urllib3's own looks the name up and connects in one: it is given each address of ours."""
        name, phases = self._dns_host, _phases()
        with phases.timed("dns"):
            try:
                found = socket.getaddrinfo(
                    name, self.port, allowed_gai_family(), socket.SOCK_STREAM
                )
            except socket.gaierror as error:
                raise NameResolutionError(self.host, self, error) from error
        with phases.timed("tcp"):
            try:
                for *_, where in found[:-1]:
                    try:
                        return self._connected(str(where[0]))
                    except (NewConnectionError, ConnectTimeoutError):
                        continue
                return self._connected(str(found[-1][-1][0]))
            finally:
                self._dns_host = name

    def _connected(self, address: str) -> socket.socket:
        self._dns_host = address
        up = super()._new_conn()
        self._is_up = True
        return up

    def connect(self) -> None:
        phases, began = _phases(), time.monotonic()
        before = phases.dns + phases.tcp
        phases.is_reused = phases.is_open = self._is_up = False
        try:
            super().connect()
            phases.is_open = True
        finally:
            if self._is_up and isinstance(self, HTTPSConnection):
                phases.tls += time.monotonic() - began - (phases.dns + phases.tcp - before)


class _MeasuredTLS(_Measured, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Measured


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _MeasuredTLS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}


def _phases() -> Phases:
    return getattr(_call, "phases", None) or Phases()


def ask(
    session: requests.Session, phases: Phases, method: str, url: str, **given: Any
) -> requests.Response:
    """`session.request`, whose exceptions it raises. `phases` is told where the time went, whatever
    comes of it."""
    _call.phases, began = phases, time.monotonic()
    before = phases.dns + phases.tcp + phases.tls
    phases.is_reused = phases.is_open = True  # unless a connection is opened
    wait = math.inf
    try:
        response = session.request(method, url, **given)
        wait = response.elapsed.total_seconds()
        return response
    finally:
        _call.phases = None
        connected = phases.dns + phases.tcp + phases.tls - before
        rest = time.monotonic() - began - connected
        wait = min(max(wait - connected, 0), rest) if phases.is_open else 0
        phases.wait += wait
        phases.transfer += rest - wait if phases.is_open else 0


@lru_cache(maxsize=1)
def shared_session(ca_file: str) -> requests.Session:
    """No proxies or .netrc of the environment. `ca_file`: the certificates trusted, as PEM."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file
    adapter = _Adapter(pool_connections=16, pool_maxsize=8, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
