"""Where a request is sent on to: the link that it followed, or its own address once more."""

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, urlsplit

from snowmelt.collector.recording import Request
from snowmelt.settings_collector import CookieBounceSettings

# What may stand in a URI, as RFC 3986 has it; everything beyond ASCII is escaped before it is sent.
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=\u00a1-\U0010ffff]|%[0-9A-Fa-f]{2})+")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


def redirect_target(querystring: str, domains: Sequence[str]) -> bytes | None:
    """Where the parameter ``u`` leads, as a header's value; ``None`` if it is no address or not an allowed one.

    Args:
        querystring: of the request, undecoded.
        domains: hosts that are allowed; none allows all.

    >>> redirect_target("u=https%3A%2F%2Fshop.example%2F12", ["shop.example"])
    b'https://shop.example/12'
    >>> redirect_target("u=https://evil.example", ["shop.example"])
    """
    target = next((value for name, value in parse_qsl(querystring) if name == "u"), "")
    if _URI.fullmatch(target) is None:
        return None
    try:
        host = urlsplit(target).hostname
        if domains and host not in {domain.lower() for domain in domains}:
            return None
        # Half a surrogate pair is no text that could be escaped.
        return quote(target, safe="%:/?#[]@!$&'()*+,;=~").encode("ascii")
    except ValueError:
        return None


def bounce_location(request: Request, settings: CookieBounceSettings) -> bytes:
    """The request's own address with the parameter that says that it was sent there."""
    mark = f"{settings.name}=true"
    query = f"{request.querystring}&{mark}" if request.querystring else mark
    location = f"{quote(request.path, safe=_PATH)}?{quote(query, safe=_QUERY)}"
    protocol = request.header((settings.forwarded_protocol_header or "").lower())
    host = request.header("host") or ""
    if protocol in ("http", "https") and _HOST.fullmatch(host):
        location = f"{protocol}://{host}{location}"
    return location.encode("ascii")


def has_bounced(request: Request, settings: CookieBounceSettings) -> bool:
    """Whether the request carries that parameter already."""
    return any(name == settings.name for name, _ in parse_qsl(request.querystring, keep_blank_values=True))


_PATH = "/%:@!$&'()*+,;=~"
_QUERY = _PATH + "?"
