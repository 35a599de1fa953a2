"""What the collector must have recorded for an event to have a place and a time."""

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import EnrichmentFailure
from snowmelt.events.canonical import Event


class CollectorFacts:
    """The collector's name, and a receipt time between the years 0 and 9999."""

    name = "collector_facts"

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Changes nothing; fails an event without them."""
        if "v_collector" not in event:
            raise EnrichmentFailure("v_collector", None, "the name and version of the collector")
        if "collector_tstamp" not in event:
            value = str(raw.payload.timestamp)
            raise EnrichmentFailure("collector_tstamp", value, "a time between the years 0 and 9999")
