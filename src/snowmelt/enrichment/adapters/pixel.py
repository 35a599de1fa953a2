"""The pixel: one event in the query string of an image request."""

from typing import ClassVar

from snowmelt.enrichment.adapters.adapter import AdapterCategory, AdapterFailure, expected
from snowmelt.enrichment.parameters import Parameters
from snowmelt.events.payload import CollectorPayload


class Pixel:
    """Reads requests of ``/i`` and ``/ice.png``; no parameter is required."""

    category: ClassVar[AdapterCategory] = "adapter_failures"

    def split(self, payload: CollectorPayload, query: dict[str, str | None]) -> list[Parameters]:
        """The query string as one event."""
        if not query:
            message = expected("querystring", payload.querystring or None, "the parameters of an event")
            raise AdapterFailure(message)
        return [query]
