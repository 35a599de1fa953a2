"""Headers of the request, as entities."""

import re

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import add_entity
from snowmelt.events.canonical import Event

HTTP_HEADER = "iglu:org.ietf/http_header/jsonschema/1-0-0"


class HeaderExtractor:
    """An entity for each header whose whole name matches, in the order of the request.

    Args:
        pattern: a regular expression; case does not matter, as it does not in HTTP.
    """

    name = "http_header_extractor"

    def __init__(self, pattern: str) -> None:
        self._matches = re.compile(pattern, re.IGNORECASE).fullmatch

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails."""
        for header in reversed(raw.payload.headers):
            name, colon, value = header.partition(":")
            if colon and self._matches(name):
                add_entity(event, HTTP_HEADER, {"name": name, "value": value.strip()})
