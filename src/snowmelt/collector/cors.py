"""Which origin may read a reply, and what a preflight is told."""

from urllib.parse import urlsplit

Headers = list[tuple[bytes, bytes]]


def origins(header: str | None) -> list[str]:
    """The usable origins of an ``Origin`` header, in order; it may hold several, separated by spaces.

    >>> origins("http://a.example https://b.example:8080"), origins("null"), origins(None)
    (['http://a.example', 'https://b.example:8080'], [], [])
    """
    return [origin for origin in (header or "").split() if origin_host(origin)]


def origin_host(origin: str) -> str | None:
    """The host of an origin, or ``None`` if it is not one."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.hostname if parts.scheme else None


def cors_headers(header: str | None) -> Headers:
    """The headers that let a page read the reply.

    Browser trackers send credentials, and browsers refuse ``*`` for those: the origin must be echoed.
    """
    found = origins(header)
    return [
        (b"access-control-allow-origin", found[0].encode("latin-1", "replace") if found else b"*"),
        (b"access-control-allow-credentials", b"true"),
    ]


def preflight_headers(header: str | None, max_age_seconds: int) -> Headers:
    """The headers that answer a preflight; a negative age lets the browser choose."""
    headers = [*cors_headers(header), (b"access-control-allow-headers", b"Content-Type, SP-Anonymous")]
    if max_age_seconds >= 0:
        headers.append((b"access-control-max-age", str(max_age_seconds).encode()))
    return headers
