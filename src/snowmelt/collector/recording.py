"""From an HTTP request to the payload that is recorded of it, with the privacy rules applied."""

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import parse_qsl
from uuid import uuid4

from snowmelt.collector.cookie import clean_cookies, cookie_value
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
    """

    method: str
    path: str
    querystring: str
    headers: list[tuple[str, str]]
    body: bytes | None
    peer: str | None

    def header(self, name: str) -> str | None:
        """The first header of a lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def anonymous(self) -> bool:
        """Whether the tracker asks for nothing to be recorded that identifies somebody."""
        return self.header("sp-anonymous") is not None

    def cookies(self) -> str:
        """All cookies, cleaned."""
        return ";".join(filter(None, (clean_cookies(value) for key, value in self.headers if key == "cookie")))


def network_user_id(request: Request, cookie_name: str) -> str:
    """The id that the cookie carries from request to request: a given one, or a new one.

    Not checked here: enrichment refuses a payload whose id is no UUID, so that nothing is lost in silence.
    """
    if request.anonymous:
        return ANONYMOUS_ID
    if "nuid" in request.querystring:
        for name, given in parse_qsl(request.querystring):
            if name == "nuid":
                return given
    return cookie_value(request.cookies(), cookie_name) or str(uuid4())


def record(request: Request, *, path: str, network_userid: str, now: int, collector: str) -> CollectorPayload:
    """The payload that stands for a request in the event log.

    Args:
        request: as it arrived.
        path: its path after path mapping.
        network_userid: from :func:`network_user_id`.
        now: time of arrival, ms since the epoch.
        collector: name and version of this collector.
    """
    anonymous = request.anonymous
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
        ip_address=ANONYMOUS_ADDRESS if anonymous else _client_address(request),
        user_agent=request.header("user-agent"),
        referer=request.header("referer"),
        network_userid=network_userid,
        collector=collector,
    )


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


def _client_address(request: Request) -> str | None:
    """The first address of ``X-Forwarded-For``, without quotes, brackets and port; else the peer's."""
    text = (request.header("x-forwarded-for") or "").partition(",")[0].strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return request.peer
