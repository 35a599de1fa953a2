"""One HTTP connection, and what it may take from the process: bytes, time, and a place among the others."""

import asyncio
from typing import Any, Final

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from snowmelt.api.asgi import encode_json
from snowmelt.settings import HttpSettings

MAX_PIPELINED: Final = 64
"""Requests that may wait on one connection for the answer to an earlier one; no browser or SDK sends any."""
LINGER_SECONDS: Final = 5.0
"""How long the rest of a body is thrown away for a client that was answered before it had sent it all."""
RETRY_AFTER: Final = b"retry-after: 5\r\n"

log = structlog.get_logger("snowmelt.web")


class Connection(HttpToolsProtocol):
    """Uvicorn's connection with limits that its parser has not.

    The parser gathers the head of a request, and what may follow a chunked body, without any bound, and before any
    application sees the request; and it waits for a client for as long as that likes.

    - Bytes that bring neither a whole head nor a part of a body count, and too many end the connection. What a
      connection holds is therefore ``max_head_bytes`` and one read of the event loop (256 KB) at most.
    - A timer runs while the client owes something: a head, a body, or the reading of an answer. It costs nothing for
      requests that arrive in one piece.
    - One connection too many is answered 503 and closed.
    """

    limits: HttpSettings

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._quiet = 0  # bytes since the last whole head or part of a body, the present read included
        self._partial = False  # a request has begun and is not complete
        self._body = 0
        self._since = 0.0
        self._refusal: tuple[int, str] | None = None
        self._owed: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, or send it away if there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > self.limits.max_connections:
            self._refuse(503, "Too many connections are open. Try again later.", RETRY_AFTER)
        else:
            self._owed = self.loop.call_later(self.limits.head_seconds, self._overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its timers."""
        self._settle()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and judge whether the client may go on."""
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        self._quiet += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # an offer that the answer does not take up; nothing to warn of, strangers may make it
        except httptools.HttpParserError:
            self._refuse(*(self._refusal or (400, "This is no HTTP request.")))
            return
        if self.transport.is_closing():
            return
        if self._quiet > self.limits.max_head_bytes:
            self._refuse(431, self._too_long())
        elif self._partial or self.cycle is None or self.cycle.response_complete:
            if self._owed is None:
                self._since = self.loop.time()
                self._owed = self.loop.call_later(self.limits.head_seconds, self._overdue)
        else:
            self._settle()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._partial = True
        self._body = 0

    def on_headers_complete(self) -> None:
        """The head is there: judge its size, then have it served."""
        if len(self.headers) > self.limits.max_headers:
            self._refusal = 431, f"More than {self.limits.max_headers} headers are not taken."
        elif self._quiet > self.limits.max_head_bytes:
            # Only now can it be too long; bodies of earlier requests may have come in the same read.
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > self.limits.max_head_bytes:
                self._refusal = 431, self._too_long()
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refusal = 429, "Too many requests on one connection that do not wait for answers."
        if self._refusal is not None:
            raise ValueError(self._refusal[1])  # stops the parser; no application has seen the request
        self._quiet = 0
        self._since = self.loop.time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        self._quiet = 0
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._quiet = 0
        self._partial = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is written, if perhaps not taken yet."""
        super().on_response_complete()
        if self.transport.is_closing():
            if self.transport.get_write_buffer_size():
                self._await_reading()
        elif self._partial:
            self._settle()
            self._owed = self.loop.call_later(min(LINGER_SECONDS, self.limits.head_seconds), self._overdue)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked for: close, without waiting for ever for somebody who reads nothing."""
        if self.transport.get_write_buffer_size():
            self._await_reading()
        super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """The client takes what it is sent."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _await_reading(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(self.limits.answer_seconds, self.transport.abort)

    def _settle(self) -> None:
        if self._owed is not None:
            self._owed.cancel()
            self._owed = None

    def _overdue(self) -> None:
        """The client was given its time: cut it off, unless the server is what it waits for or a body comes well."""
        self._owed = None
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self.flow.read_paused:
            # Its next bytes wait here, unread.
            self._since, self._body = self.loop.time(), 0
            self._owed = self.loop.call_later(self.limits.head_seconds, self._overdue)
        elif answering and self._partial and self._body_began():
            left = self._since + self.limits.body_seconds + self._body / self.limits.body_bytes_per_second
            left -= self.loop.time()
            if left > 0:
                self._owed = self.loop.call_later(left, self._overdue)
            else:
                self._refuse(408, "The body did not come in time.")
        elif self._partial and not answering and self.cycle is not None and self._body_began():
            self.transport.close()  # answered long ago, and still sending
        elif self._partial or self.cycle is None:
            self._refuse(408, "The request did not come in time.")
        else:
            self.transport.close()

    def _body_began(self) -> bool:
        """Whether the request that is not complete has its head, so that the present cycle is its own."""
        return self.cycle.scope is self.scope

    def _too_long(self) -> str:
        return f"Request line and headers are longer than {self.limits.max_head_bytes} bytes."

    def _refuse(self, status: int, text: str, headers: bytes = b"") -> None:
        """Close the connection, with an answer if no other one is under way on it."""
        self._settle()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        mine = cycle is not None and self._partial and self._body_began() and not self.pipeline
        if cycle is None or cycle.response_complete or (mine and not cycle.response_started):
            body = encode_json({"error": text, "detail": text})
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
                + headers
                + b"\r\n"
                + body
            )
        if cycle is not None and not cycle.response_complete:
            # What serves it learns that the client is gone, and nothing it writes comes after this answer.
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._await_reading()


def connections_within(limits: HttpSettings) -> type[Connection]:
    """The kind of connection that keeps to these limits, as uvicorn takes it."""
    return type("Connection", (Connection,), {"limits": limits})
