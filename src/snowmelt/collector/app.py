"""The collector as a small ASGI application."""

import base64
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog

from snowmelt.collector.cookie import cookie_value, set_cookie
from snowmelt.collector.cors import Headers, cors_headers, preflight_headers
from snowmelt.collector.recording import Request, network_user_id, record
from snowmelt.collector.writer import LogWriter
from snowmelt.settings import CollectorSettings
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import Kind, encode_payload

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PIXEL = base64.b64decode("R0lGODlhAQABAPAAAP///wAAACH5BAUAAAAALAAAAAABAAEAAAICRAEAOw==")
PIXEL_PATHS = frozenset({"/i", "/ice.png"})
ROBOTS = b"User-agent: *\nDisallow: /\n\nUser-agent: Googlebot\nDisallow: /\n\nUser-agent: AdsBot-Google\nDisallow: /\n"
RETRY_AFTER_SECONDS = b"5"

_TEXT = (b"content-type", b"text/plain; charset=utf-8")

logger = structlog.get_logger("snowmelt.collector")


class Collector:
    """Takes tracker requests; each is on the disk before it is answered.

    A request is never refused for what it contains: that is judged by enrichment, and shows as a failed event.
    Trackers would send a refused request again and again.

    Args:
        settings: cookie, paths and limits.
        writer: where payloads go.
        name: name and version of this collector, recorded in each payload.
    """

    def __init__(self, settings: CollectorSettings, writer: LogWriter, name: str) -> None:
        self._settings = settings
        self._writer = writer
        self._name = name
        self.accepted = 0
        self.refused = 0

    def handles(self, method: str, path: str) -> bool:
        """Whether a request is the collector's: its fixed paths, and every path of exactly two segments."""
        return path in PIXEL_PATHS or path == "/robots.txt" or _has_two_segments(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        origin = next((value for name, value in headers if name == "origin"), None)
        if method == "OPTIONS":
            await _reply(send, 200, preflight_headers(origin, self._settings.max_age_seconds))
        elif path == "/robots.txt" and method in ("GET", "HEAD"):
            await _reply(send, 200, [_TEXT], ROBOTS, omit_body=method == "HEAD")
        elif path.startswith("/r/"):
            await _reply(send, 404, [_TEXT], b"redirects disabled")
        elif method in ("GET", "HEAD", "POST") and (
            _has_two_segments(path) or (path in PIXEL_PATHS and method != "POST")
        ):
            await self._track(scope, headers, origin, receive, send)
        else:
            await _reply(send, 404, [_TEXT], b"not found")

    async def _track(
        self, scope: Scope, headers: list[tuple[str, str]], origin: str | None, receive: Receive, send: Send
    ) -> None:
        limits, cookie = self._settings, self._settings.cookie
        too_long = None
        if len(scope["path"]) + len(scope["query_string"]) > limits.max_request_line_bytes:
            too_long = b"the path and query string are too long"
        elif sum(len(name) + len(value) for name, value in scope["headers"]) > limits.max_header_bytes:
            too_long = b"the headers are too long"
        if too_long:
            self.refused += 1
            await _reply(send, 400, [*cors_headers(origin), _TEXT], too_long)
            return
        body = None
        if scope["method"] == "POST":
            try:
                body = await _read(receive, limits.max_body_bytes)
            except ClientGoneError:
                return
            if body is None:
                self.refused += 1
                await _reply(send, 413, [*cors_headers(origin), _TEXT], b"the body is too large")
                return
        client = scope.get("client")
        request = Request(
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            headers,
            body,
            client[0] if client else None,
        )
        user_id = network_user_id(request, cookie.name)
        now = time.time_ns() // 1_000_000
        path = limits.paths.get(request.path, request.path)
        payload = record(request, path=path, network_userid=user_id, now=now, collector=self._name)
        try:
            await self._writer.append((Kind.PAYLOAD, now, encode_payload(payload)))
        except StoreError as error:
            self.refused += 1
            logger.error("payload refused", error=str(error))
            retry = (b"retry-after", RETRY_AFTER_SECONDS)
            await _reply(send, 503, [*cors_headers(origin), retry, _TEXT], b"not stored, send it again later")
            return
        self.accepted += 1
        reply_headers = cors_headers(origin)
        if cookie.enabled:
            # An anonymous reply sets no cookie, and takes away the one that is there.
            has_cookie = cookie_value(request.cookies(), cookie.name) is not None
            value = "" if request.anonymous else user_id
            if (has_cookie or not request.anonymous) and (
                cookie_header := set_cookie(cookie, value, origin, datetime.now(UTC))
            ):
                reply_headers.append((b"set-cookie", cookie_header))
        if scope["method"] == "POST":
            await _reply(send, 200, [*reply_headers, _TEXT], b"ok")
            return
        reply_headers += [
            (b"content-type", b"image/gif"),
            (b"cache-control", b"no-cache, no-store, must-revalidate"),
        ]
        await _reply(send, 200, reply_headers, PIXEL, omit_body=scope["method"] == "HEAD")


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete: there is nothing to record."""


def _has_two_segments(path: str) -> bool:
    segments = path.split("/")
    return len(segments) == 3 and segments[1] != "" and segments[2] != ""


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The request's body, or ``None`` if it is longer than ``limit``."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            break
    return b"".join(chunks)


async def _reply(send: Send, status: int, headers: Headers, body: bytes = b"", *, omit_body: bool = False) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if omit_body else body})
