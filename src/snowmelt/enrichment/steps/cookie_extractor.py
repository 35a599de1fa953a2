"""Cookies of the page's own site, which the collector gets where it runs on that site's domain."""

from collections.abc import Collection, Iterator, Sequence

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import add_entity
from snowmelt.events.canonical import Event

HTTP_COOKIE = "iglu:org.ietf/http_cookie/jsonschema/1-0-0"


class CookieExtractor:
    """An entity for each cookie of a listed name, in the order of the headers.

    Args:
        names: exact ones.
    """

    name = "cookie_extractor"

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails."""
        found = [(name, value) for name, value in _cookies(raw.payload.headers) if name in self._names]
        for name, value in reversed(found):
            add_entity(event, HTTP_COOKIE, {"name": name, "value": value})


def _cookies(headers: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Names and values of all cookies; ``None`` is the value of one without ``=``.

    >>> list(_cookies(['Cookie: a; b="c"; d=']))
    [('a', None), ('b', 'c'), ('d', '')]
    """
    for header in headers:
        name, _, value = header.partition(":")
        if name.strip().lower() != "cookie":
            continue
        for part in value.split(";"):
            cookie, equals, text = part.strip().partition("=")
            if not cookie and not equals:
                continue
            text = text.strip()
            if len(text) >= 2 and text[0] == text[-1] == '"':
                text = text[1:-1]
            yield cookie.strip(), text if equals else None
