"""A real OTLP endpoint: what processes export is received by HTTP, as protobuf."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class Seen:
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    pid: int
    began: float
    """Unix seconds."""
    seconds: float
    attributes: dict[str, Any]
    links: tuple[str, ...]
    """Trace ids."""
    problem: str | None
    """Of a span that has failed."""


@dataclass
class Collector:
    url: str = ""
    raw: list[bytes] = field(default_factory=list)
    spans: list[Seen] = field(default_factory=list)

    def of(self, trace_id: str) -> list[Seen]:
        return [one for one in self.spans if one.trace_id == trace_id]


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


def _received(body: bytes) -> Iterator[Seen]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        known = {one.key: _value(one.value) for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for one in scope.spans:
                yield Seen(
                    one.name,
                    one.trace_id.hex(),
                    one.span_id.hex(),
                    one.parent_span_id.hex(),
                    known["process.pid"],
                    one.start_time_unix_nano / 1e9,
                    (one.end_time_unix_nano - one.start_time_unix_nano) / 1e9,
                    {each.key: _value(each.value) for each in one.attributes},
                    tuple(link.trace_id.hex() for link in one.links),
                    one.status.message if one.status.code == Status.STATUS_CODE_ERROR else None,
                )


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.raw.append(body)
            collector.spans += _received(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
