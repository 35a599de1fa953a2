"""An endpoint for webhooks on loopback: verifies every message, and answers as it is told."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook

Answer = tuple[int, dict[str, str]]
Answering = Callable[[int, dict[str, Any]], Answer]
"""Decides by how often a message has come, from 1, and what it says."""


def take_all(count: int, message: dict[str, Any]) -> Answer:
    return 204, {}


class Receiver:
    """Takes messages until it is closed.

    Args:
        secret: that they must be signed with; may be given later.
        answering: decides what is answered.
        port: to listen on; a free one if 0.
    """

    def __init__(self, secret: str = "", answering: Answering = take_all, port: int = 0) -> None:
        self.secret, self.answering = secret, answering
        self.calls: list[str] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.refused: list[str] = []
        self.traceparents: dict[str, str | None] = {}
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                body = self.rfile.read(size)
                if len(body) < size:
                    return  # its sender was killed between the head and the end
                status, headers = receiver.receive(body, dict(self.headers.items()))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a sender that was killed has gone

        self._server = Listener(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks?token=of-the-receiver"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def counts(self) -> Counter[str]:
        """How often each message has come."""
        with self.lock:
            return Counter(self.calls)

    def receive(self, body: bytes, headers: dict[str, str]) -> Answer:
        lower = {name.lower(): value for name, value in headers.items()}
        try:
            Webhook(self.secret).verify(body, lower)
        except Exception as error:
            self.refused.append(repr(error))
            return 401, {}
        message = json.loads(body)
        with self.lock:
            self.calls.append(lower["webhook-id"])
            self.traceparents[lower["webhook-id"]] = lower.get("traceparent")
            count = self.calls.count(lower["webhook-id"])
        status, more = self.answering(count, message)
        if 200 <= status < 300:
            with self.lock:
                self.taken[lower["webhook-id"]] = message
        return status, more

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
