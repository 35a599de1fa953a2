"""Which origin may read a reply, and what a preflight is told."""

import re

from snowmelt.collector.http import Headers

# Strict, because it is written into the reply: scheme, host and port, and nothing that could end a header.
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


def origins(header: str | None) -> list[str]:
    """The usable origins of an ``Origin`` header, in order; it may hold several, separated by spaces.

    >>> origins("http://a.example https://b.example:8080"), origins("null"), origins(None)
    (['http://a.example', 'https://b.example:8080'], [], [])
    """
    return [origin for origin in (header or "").split() if origin_host(origin)]


def origin_host(origin: str) -> str | None:
    """The host of an origin in lower case, or ``None`` if it is not one.

    >>> origin_host("https://Shop.example:8443"), origin_host("null"), origin_host("https://a.example/path")
    ('shop.example', None, None)
    """
    match = _ORIGIN.fullmatch(origin)
    return match[1].lower() if match else None


def cors_headers(header: str | None) -> Headers:
    """The headers that let a page read the reply.

    Browser trackers send credentials, and browsers refuse ``*`` for those: the origin must be echoed.
    """
    found = origins(header)
    return [
        (b"access-control-allow-origin", found[0].encode("ascii") if found else b"*"),
        (b"access-control-allow-credentials", b"true"),
    ]


def preflight_headers(header: str | None, max_age_seconds: int) -> Headers:
    """The headers that answer a preflight; a negative age lets the browser choose."""
    headers = [*cors_headers(header), (b"access-control-allow-headers", b"Content-Type, SP-Anonymous")]
    if max_age_seconds >= 0:
        headers.append((b"access-control-max-age", str(max_age_seconds).encode()))
    return headers
