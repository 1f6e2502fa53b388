"""A service's own address, on this machine: it keeps what is posted to it, and answers as told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Posted:
    headers: dict[str, str]
    body: bytes
    path: str
    at: float


Answer = Callable[["Any"], None] | int


@dataclass
class Receiver:
    """`answers`: taken one by one, a status or what is done with the handler; then `usual`."""

    url: str = ""
    usual: Answer = 204
    answers: list[Answer] = field(default_factory=list)
    requests: list[Posted] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.requests]


@contextmanager
def receiving(context: Any = None) -> Iterator[Receiver]:
    """`context`: of TLS."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Posted(headers, body, self.path, time.monotonic()))
            answer = receiver.answers.pop(0) if receiver.answers else receiver.usual
            if callable(answer):
                answer(self)
            else:
                respond(self, answer)

        def log_message(self, *_args: object) -> None:
            """Not into the test's output."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """A caller that hangs up is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        receiver.url = f"{scheme}://127.0.0.1:{server.server_port}/hooks"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:  # else a test that fails never ends
            server.shutdown()
            thread.join()


def respond(handler: Any, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
