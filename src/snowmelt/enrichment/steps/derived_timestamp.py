"""When an event happened, as far as can be told."""

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import EnrichmentFailure
from snowmelt.events.canonical import Event
from snowmelt.events.timestamp import MAX_MS, MIN_MS


class DerivedTimestamp:
    """``derived_tstamp``: the true time if the tracker knew it, else the receipt time less the time the event
    waited on the device. The error of the device's clock cancels out."""

    name = "derived_tstamp"

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Fails an event that would have happened outside the years 0 to 9999."""
        true_time = event.get("true_tstamp")
        if true_time is not None:
            event["derived_tstamp"] = true_time
            return
        received = event.get("collector_tstamp")
        if received is None:
            return
        created, sent = event.get("dvce_created_tstamp"), event.get("dvce_sent_tstamp")
        if created is not None and sent is not None and created < sent:
            received -= sent - created
            if not MIN_MS <= received <= MAX_MS:
                raise EnrichmentFailure(
                    "derived_tstamp", str(received), "a time between the years 0 and 9999, from dtm and stm"
                )
        event["derived_tstamp"] = received
