"""One answer to whether an event is a robot's, by whatever found it to be one."""

from collections.abc import Collection

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.iab import SPIDERS_AND_ROBOTS
from snowmelt.enrichment.steps.ip_lookups import ASN
from snowmelt.enrichment.steps.step import add_entity
from snowmelt.events.canonical import Event

BOT_DETECTION = "iglu:com.snowplowanalytics.snowplow/bot_detection/jsonschema/1-0-1"
_CLIENT_SIDE = "iglu:com.snowplowanalytics.snowplow/client_side_bot_detection/jsonschema/1-"

INDICATORS = {
    "iab": ("derived_contexts", SPIDERS_AND_ROBOTS, "spiderOrRobot"),
    "asnLookups": ("derived_contexts", ASN, "likelyBot"),
    "clientSideDetection": ("contexts", _CLIENT_SIDE, "bot"),
}
"""Where each indicator stands: the column, how the entity's schema begins, the key of its data."""


class BotDetection:
    """An entity with the verdict and what led to it; robots are labelled, never dropped.

    Args:
        indicators: those that count, of ``INDICATORS``.
    """

    name = "bot_detection"

    def __init__(self, indicators: Collection[str] = tuple(INDICATORS)) -> None:
        self._indicators = [(name, *place) for name, place in INDICATORS.items() if name in indicators]

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails."""
        found = [
            name
            for name, column, schema, key in self._indicators
            if any(
                entity["schema"].startswith(schema)
                and isinstance(entity["data"], dict)
                and entity["data"].get(key) is True
                for entity in event.get(column, ())
            )
        ]
        add_entity(event, BOT_DETECTION, {"bot": bool(found), "indicators": found})
