"""The collector's cookie: reading it, cleaning the header for the record, and setting it."""

import re
from datetime import datetime, timedelta
from email.utils import format_datetime

from snowmelt.collector.cors import origin_host, origins
from snowmelt.settings_collector import CookieSettings

_OCTETS = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


def clean_cookies(header: str) -> str:
    """A ``Cookie`` header as it is recorded: no spaces, and only parts of the characters RFC 6265 allows.

    >>> clean_cookies('a = b ; bad="x,y" ; c=d')
    'a=b;c=d'
    """
    parts = header.replace(" ", "").split(";")
    return ";".join(part for part in parts if part and _OCTETS.fullmatch(part))


def cookie_value(header: str, name: str) -> str | None:
    """The value of a cookie in a cleaned header."""
    prefix = f"{name}="
    return next((part[len(prefix) :] for part in header.split(";") if part.startswith(prefix)), None)


def cookie_domain(settings: CookieSettings, origin: str | None) -> str | None:
    """The domain to set the cookie on: the first configured one that holds an origin of the request.

    >>> cookie_domain(CookieSettings(domains=["shop.example"]), "https://www.shop.example")
    'shop.example'
    """
    hosts = [origin_host(item) or "" for item in origins(origin)]
    for domain in settings.domains:
        name = domain.lower().lstrip(".")
        if any(host == name or host.endswith(f".{name}") for host in hosts):
            return domain
    return settings.fallback_domain


def set_cookies(settings: CookieSettings, value: str, origin: str | None, now: datetime) -> list[bytes]:
    """``Set-Cookie`` values that keep ``value`` for the configured time, or blank the cookies if it is empty.

    There is one, and a second one for the page's scripts if that is configured. There is none if the value cannot
    stand in a cookie: it may come from the query string, and must not be able to write headers of its own.

    ``now`` is in UTC, as HTTP's dates are.
    """
    if not _OCTETS.fullmatch(value):
        return []
    cookies = [_set_cookie(settings, settings.name, value, settings.http_only, origin, now)]
    if settings.client_cookie_name:
        cookies.append(_set_cookie(settings, settings.client_cookie_name, value, False, origin, now))
    return cookies


def _set_cookie(
    settings: CookieSettings, name: str, value: str, http_only: bool, origin: str | None, now: datetime
) -> bytes:
    lifetime = timedelta(days=settings.expiration_days)
    expires = now + lifetime if value else now - lifetime
    parts = [f"{name}={value}", f"Expires={format_datetime(expires, usegmt=True)}", "Path=/"]
    domain = cookie_domain(settings, origin)
    if domain:
        parts.append(f"Domain={domain}")
    if settings.secure:
        parts.append("Secure")
    if http_only:
        parts.append("HttpOnly")
    if settings.same_site:
        parts.append(f"SameSite={settings.same_site}")
    return "; ".join(parts).encode("latin-1", "replace")
