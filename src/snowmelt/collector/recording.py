"""From an HTTP request to the payload that is recorded of it, with the privacy rules applied."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from snowmelt.collector.cookie import clean_cookies, cookie_value
from snowmelt.collector.proxies import FORWARDING_HEADERS, TrustedProxies, first_forwarded
from snowmelt.events.payload import CollectorPayload

ANONYMOUS_ID = "00000000-0000-0000-0000-000000000000"
ANONYMOUS_ADDRESS = "unknown"

# Everything in which a proxy may say who the client is.
_HIDDEN_WHEN_ANONYMOUS = frozenset(
    {"cookie", "forwarded", "x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip"}
)
_SECRETS = frozenset({"authorization", "proxy-authorization", "x-api-key"})
"""Of no use to enrichment, and somebody's credentials: of the API, of a proxy, of a client that mistook the path."""


class Request(NamedTuple):
    """What the collector looks at in an HTTP request.

    Args:
        method: in upper case.
        path: undecoded.
        querystring: undecoded, without ``?``.
        headers: (lower-case name, value) in order.
        body: of a POST.
        peer: address of the other end of the connection.
        id: under which it is logged and answered.
        traceparent: its span, if it is traced.
    """

    method: str
    path: str
    querystring: str
    headers: list[tuple[str, str]]
    body: bytes | None
    peer: str | None
    id: str | None = None
    traceparent: str | None = None

    def header(self, name: str) -> str | None:
        """The first header of a lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    @property
    def anonymous(self) -> bool:
        """Whether the tracker asks for nothing to be recorded that identifies somebody."""
        return self.header("sp-anonymous") is not None

    def cookies(self) -> str:
        """All cookies, cleaned."""
        return ";".join(filter(None, (clean_cookies(value) for key, value in self.headers if key == "cookie")))


def known_user_id(request: Request, cookie_name: str) -> str | None:
    """The id that the request itself names: of an anonymous one that of nobody, else a parameter's or the cookie's.

    Not checked here: enrichment refuses a payload whose id is no UUID, so that nothing is lost in silence.
    """
    if request.anonymous:
        return ANONYMOUS_ID
    if "nuid" in request.querystring:
        for name, given in parse_qsl(request.querystring):
            if name == "nuid":
                return given
    return cookie_value(request.cookies(), cookie_name) or None


def record(
    request: Request,
    *,
    path: str,
    network_userid: str,
    now: int,
    collector: str,
    proxies: TrustedProxies | None = None,
) -> CollectorPayload:
    """The payload that stands for a request in the event log.

    Args:
        request: as it arrived.
        path: its path after path mapping.
        network_userid: from :func:`known_user_id`, or a new one.
        now: time of arrival, ms since the epoch.
        collector: name and version of this collector.
        proxies: whose word about the client's address is taken; ``None`` takes everybody's.
    """
    anonymous = request.anonymous
    if proxies is not None and not anonymous:
        client = proxies.client(request.peer, request.headers)
        request = request._replace(headers=_judged(request, client))
    else:
        client = first_forwarded(request.header("x-forwarded-for")) or request.peer
    content_type = None
    if request.method == "POST":
        content_type = _content_type(request.header("content-type"))
    return CollectorPayload(
        timestamp=now,
        path=path,
        querystring=request.querystring,
        body=request.body if request.method == "POST" else None,
        content_type=content_type,
        headers=_recorded_headers(request, anonymous, content_type),
        hostname=_hostname(request.header("host")),
        ip_address=ANONYMOUS_ADDRESS if anonymous else client,
        user_agent=request.header("user-agent"),
        referer=request.header("referer"),
        network_userid=network_userid,
        collector=collector,
        request_id=request.id,
        traceparent=request.traceparent,
    )


def _judged(request: Request, client: str | None) -> list[tuple[str, str]]:
    """The headers with nothing about the client's address but what was found to be true, as enrichment reads them."""
    headers = [header for header in request.headers if header[0] not in FORWARDING_HEADERS]
    if client is not None and client != request.peer:
        headers.append(("x-forwarded-for", client))
    return headers


def _recorded_headers(request: Request, anonymous: bool, content_type: str | None) -> list[str]:
    lines = []
    for name, value in request.headers:
        if name in _SECRETS or (anonymous and name in _HIDDEN_WHEN_ANONYMOUS):
            continue
        if name == "cookie":
            value = clean_cookies(value)
            if not value:
                continue
        lines.append(f"{name.title()}: {value}")
    if content_type is not None:
        lines.append(content_type)
    return lines


def _content_type(header: str | None) -> str | None:
    """A content type written one way: lower case, one space before each parameter."""
    return "; ".join(part.strip() for part in (header or "").lower().split(";") if part.strip()) or None


def _hostname(host: str | None) -> str | None:
    if not host:
        return None
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
