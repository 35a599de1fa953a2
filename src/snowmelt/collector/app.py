"""The collector as a small ASGI application."""

import asyncio
import base64
import math
import re
import time
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from snowmelt.collector.backlog import Backlog
from snowmelt.collector.cookie import cookie_value, set_cookies
from snowmelt.collector.cors import cors_headers, preflight_headers
from snowmelt.collector.http import Headers, Receive, Reply, Scope, Send, text_reply
from snowmelt.collector.pages import pages
from snowmelt.collector.proxies import TrustedProxies
from snowmelt.collector.recording import Request, known_user_id, record
from snowmelt.collector.redirection import bounce_location, has_bounced, redirect_target
from snowmelt.collector.splitting import SizeLimits
from snowmelt.collector.turnstile import Turnstile
from snowmelt.collector.writer import LogWriter
from snowmelt.events.payload import CollectorPayload
from snowmelt.settings_collector import CollectorSettings
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import Kind

PIXEL = base64.b64decode("R0lGODlhAQABAPAAAP///wAAACH5BAUAAAAALAAAAAABAAEAAAICRAEAOw==")
PIXEL_PATHS = frozenset({"/i", "/ice.png"})
RETRY_AFTER_SECONDS = 5
MAX_GATHERED_BYTES = 256 * 1024**2
"""What bodies may take together of which not all has come; thousands of connections could gather 2 MB each."""
AT_ONCE = 8
"""Tracker requests that are begun in one turn of the event loop: 1 to 2 ms, for which others wait."""
REFUSED_AT_ONCE, REFUSED_PAUSE = 20, 0.01
"""Requests that are refused are answered no faster than that, 2,000 a second: who does not wait as told, and asks again
at once, must not take the time from the engine that is to catch up."""
QUIET_SECONDS = 1.0
"""Why requests are refused is logged no more often: a full disk must not be filled by saying so."""

_PIXEL_HEADERS: Headers = [
    (b"content-type", b"image/gif"),
    (b"cache-control", b"no-cache, no-store, must-revalidate"),
]
_NOT_FOUND = text_reply(404, b"not found")

logger = structlog.get_logger("snowmelt.collector")


class Collector:
    """Takes tracker requests; each is on the disk before it is answered.

    A request is never refused for what it contains: that is judged by enrichment, and shows as a failed event.
    Trackers would send a refused request again and again.

    Args:
        settings: cookies, paths and limits.
        writer: where payloads go.
        name: name and version of this collector, recorded in each payload.
        backlog: says when the engine is too far behind; without it all is taken that the log takes.
    """

    def __init__(
        self, settings: CollectorSettings, writer: LogWriter, name: str, backlog: Backlog | None = None
    ) -> None:
        self._settings = settings
        self._writer = writer
        self.backlog = backlog
        """How far the engine is behind, if anybody looks."""
        self._name = name
        self._pages = pages(settings)
        self._limits = SizeLimits(settings.max_payload_bytes, settings.max_record_bytes)
        trusted = settings.trusted_proxies
        self._proxies = None if trusted is None else TrustedProxies(trusted)
        do_not_track = settings.do_not_track_cookie
        self._do_not_track = re.compile(do_not_track.value) if do_not_track.enabled else None
        self._every_reply: Headers = []
        if settings.hsts.enabled:
            seconds = settings.hsts.max_age_days * 86_400
            self._every_reply.append((b"strict-transport-security", f"max-age={seconds}".encode()))
        self.accepted = 0
        self.refused = 0
        self.untracked = 0
        self._turnstile = Turnstile(AT_ONCE)
        self._refusals = Turnstile(REFUSED_AT_ONCE, REFUSED_PAUSE)
        self._gathered = 0
        self._told = -math.inf
        self._untold = 0

    @property
    def healthy(self) -> bool:
        """Whether tracker requests are taken, as far as is known."""
        return self._writer.healthy and (self.backlog is None or self.backlog.refusal is None)

    def handles(self, method: str, path: str) -> bool:
        """Whether a request is the collector's: its fixed paths, and every path of exactly two segments."""
        return path in PIXEL_PATHS or path in self._pages or path == "/sink-health" or _is_tracking(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope, receive)
        if reply is not None:
            if self._every_reply:
                reply = reply._replace(headers=[*reply.headers, *self._every_reply])
            await reply.send(send, omit_body=scope["method"] == "HEAD")

    async def _reply(self, scope: Scope, receive: Receive) -> Reply | None:
        """The answer to a request, or ``None`` if nobody waits for it any more."""
        method: str = scope["method"]
        path: str = scope["path"]
        if method == "OPTIONS":
            origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None)
            return Reply(200, preflight_headers(origin, self._settings.max_age_seconds))
        read = method in ("GET", "HEAD")
        if read and path in self._pages:
            return self._pages[path]
        if read and path == "/sink-health":
            return text_reply(200, b"ok") if self.healthy else text_reply(503, b"Service Unavailable")
        if not read and method != "POST":
            return _NOT_FOUND
        if path in PIXEL_PATHS:
            return await self._track(scope, receive, redirects=False) if read else _NOT_FOUND
        if path.startswith("/r/") and not self._settings.enable_default_redirect:
            return text_reply(404, b"redirects disabled")
        if not _is_tracking(path):
            return _NOT_FOUND
        mapped = self._settings.paths.get(path, path)
        return await self._track(scope, receive, redirects=mapped.startswith("/r/"))

    async def _track(self, scope: Scope, receive: Receive, *, redirects: bool) -> Reply | None:
        request = _request(scope)
        cors = cors_headers(request.header("origin"))
        too_long = self._too_long(scope)
        if too_long:
            return self._refuse(400, too_long, cors)
        if self.backlog is not None and self.backlog.refusal is not None:
            # Before the body is gathered: it would be read for nothing.
            await self._refusals.enter()
            refusal = self.backlog.refusal
            if refusal is not None:
                return self._send_later(cors, refusal.retry_after)
        await self._turnstile.enter()
        if request.method == "POST":
            try:
                async with asyncio.timeout(self._settings.receive_seconds):
                    body = await self._read(receive)
            except ClientGoneError:
                return None
            except TooMuchAtOnceError:
                return self._send_later(cors, RETRY_AFTER_SECONDS)
            except TimeoutError:
                return self._refuse(408, b"the body did not arrive in time", cors)
            if body is None:
                return self._refuse(413, b"the body is too large", cors)
            request = request._replace(body=body)
        if self._is_not_to_be_tracked(request):
            self.untracked += 1
            return self._answer(request, cors, redirects)
        bounce = self._settings.cookie_bounce
        user_id = known_user_id(request, self._settings.cookie.name)
        if user_id is None and bounce.enabled and request.method != "POST" and not redirects:
            if not has_bounced(request, bounce):
                location = (b"location", bounce_location(request, bounce))
                return text_reply(302, b"", *cors, location, *self._cookies(request, str(uuid4())))
            user_id = bounce.fallback_network_user_id
        user_id = user_id or str(uuid4())
        now = time.time_ns() // 1_000_000
        payload = record(
            request,
            path=self._settings.paths.get(request.path, request.path),
            network_userid=user_id,
            now=now,
            collector=self._name,
            proxies=self._proxies,
        )
        entries = [
            (Kind.PAYLOAD if type(found) is CollectorPayload else Kind.OVERSIZE, now, encoded)
            for found, encoded in self._limits.records(payload)
        ]
        try:
            await self._writer.append(*entries)
        except StoreError as error:
            self._tell(error)
            return self._send_later(cors, RETRY_AFTER_SECONDS)
        self.accepted += 1
        return self._answer(request, [*cors, *self._cookies(request, user_id)], redirects)

    async def _read(self, receive: Receive) -> bytes | None:
        """The request's body, or ``None`` if it is too long."""
        chunks, size = [], 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                chunk = message.get("body", b"")
                size += len(chunk)
                self._gathered += len(chunk)
                if size > self._settings.max_body_bytes:
                    return None
                if self._gathered > MAX_GATHERED_BYTES:
                    raise TooMuchAtOnceError
                chunks.append(chunk)
                if not message.get("more_body"):
                    return b"".join(chunks)
        finally:
            self._gathered -= size

    def _answer(self, request: Request, headers: Headers, redirects: bool) -> Reply:
        """What a tracker is told when all is well with its request."""
        if redirects:
            target = redirect_target(request.querystring, self._settings.redirect_domains)
            if target is None:
                return text_reply(400, b"u must be an address, on a host that may be redirected to", *headers)
            return text_reply(302, b"", (b"location", target), *headers)
        if request.method == "POST":
            return text_reply(200, b"ok", *headers)
        return Reply(200, [*headers, *_PIXEL_HEADERS], PIXEL)

    def _send_later(self, cors: Headers, seconds: int) -> Reply:
        retry = (b"retry-after", str(seconds).encode())
        return self._refuse(503, b"not stored, send it again later", [*cors, retry])

    def _tell(self, error: StoreError) -> None:
        """Log why requests are refused, now and then."""
        self._untold += 1
        if time.monotonic() - self._told >= QUIET_SECONDS:
            logger.error("payloads refused", error=str(error), requests=self._untold)
            self._told, self._untold = time.monotonic(), 0

    def _refuse(self, status: int, why: bytes, headers: Headers) -> Reply:
        self.refused += 1
        return text_reply(status, why, *headers)

    def _too_long(self, scope: Scope) -> bytes | None:
        limits = self._settings
        if len(scope["path"]) + len(scope["query_string"]) > limits.max_request_line_bytes:
            return b"the path and query string are too long"
        if sum(len(name) + len(value) for name, value in scope["headers"]) > limits.max_header_bytes:
            return b"the headers are too long"
        return None

    def _is_not_to_be_tracked(self, request: Request) -> bool:
        if self._do_not_track is None:
            return False
        value = cookie_value(request.cookies(), self._settings.do_not_track_cookie.name)
        return value is not None and self._do_not_track.fullmatch(value) is not None

    def _cookies(self, request: Request, user_id: str) -> Headers:
        """The headers that keep the id; an anonymous reply sets no cookie, and takes away the one that is there."""
        settings = self._settings.cookie
        if not settings.enabled:
            return []
        if request.anonymous:
            if cookie_value(request.cookies(), settings.name) is None:
                return []
            user_id = ""
        cookies = set_cookies(settings, user_id, request.header("origin"), datetime.now(UTC))
        return [(b"set-cookie", cookie) for cookie in cookies]


class TooMuchAtOnceError(Exception):
    """The bodies that are on their way take too much memory together: this one may come later."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete: there is nothing to record."""


def _is_tracking(path: str) -> bool:
    """Whether a path has two segments, or begins like a redirect's."""
    segments = path.split("/")
    if len(segments) == 3:
        return segments[1] != "" and segments[2] != ""
    return path.startswith("/r/") and len(path) > len("/r/")


def _request(scope: Scope) -> Request:
    client = scope.get("client")
    return Request(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        None,
        client[0] if client else None,
        scope.get("request_id"),
        scope.get("traceparent"),
    )
