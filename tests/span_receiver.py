"""Whoever takes spans: OTLP over HTTP on loopback, read by the protocol's own definitions."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Span(NamedTuple):
    """A span as it was sent.

    Args:
        name: of the work.
        trace: its trace's id, in hexadecimal.
        id: its own.
        parent: its parent's; empty for a root.
        kind: by number.
        start: ns since the epoch; so is ``end``.
        links: (trace, id) of the spans that it leads to.
        about: its attributes, and those of its resource.
    """

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int
    end: int
    links: list[tuple[str, str]]
    about: dict[str, Any]


class SpanReceiver:
    """Takes spans until it is closed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                assert self.path == "/v1/traces"
                receiver.bodies.append(body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a process that was killed has gone

        self._server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def spans(self) -> list[Span]:
        """All that has come."""
        return [span for body in list(self.bodies) for span in _read(body)]

    def named(self, name: str) -> list[Span]:
        """Those of a name."""
        return [span for span in self.spans() if span.name == name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _read(body: bytes) -> list[Span]:
    found = []
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        of_resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
                found.append(
                    Span(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.kind,
                        span.start_time_unix_nano,
                        span.end_time_unix_nano,
                        links,
                        of_resource | _attributes(span.attributes),
                    )
                )
    return found


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
