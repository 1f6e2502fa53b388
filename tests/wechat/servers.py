"""Servers that misbehave below HTTP: each connection is given to a function."""

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket, bytes], None]


class Server:
    def __init__(self, behave: Behaviour) -> None:
        self.requests: list[bytes] = []
        """The first of each connection, head and body."""
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                with suppress(OSError):
                    self.requests.append(_request(connection))
                    self._behave(connection, self.requests[-1])

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            connection.close()


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(behave: Behaviour) -> Iterator[Server]:
    server = Server(behave)
    try:
        yield server
    finally:
        server.close()


def silent(_connection: socket.socket, _request: bytes) -> None:
    """Takes the request and never answers."""


def resetting(connection: socket.socket, _request: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def cutting(connection: socket.socket, _request: bytes) -> None:
    """Ends in the middle of the body."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    connection.close()


def babbling(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"hello\r\n\r\n")
    connection.close()


def answering(body: bytes | str, status: str = "200 OK", header: str = "X: y") -> Behaviour:
    raw = body.encode() if isinstance(body, str) else body
    head = (
        f"HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n"
    )

    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(head.encode() + raw)
        connection.close()

    return behave


def free_address() -> str:
    """Nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
