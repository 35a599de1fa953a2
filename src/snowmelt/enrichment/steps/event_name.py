"""Which schema an event is of."""

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import EnrichmentFailure
from snowmelt.events.canonical import Event
from snowmelt.events.schema_key import SchemaKey

_SNOWPLOW = "com.snowplowanalytics.snowplow"
_BUILT_IN = {
    "page_view": (_SNOWPLOW, "page_view"),
    "page_ping": (_SNOWPLOW, "page_ping"),
    "struct": ("com.google.analytics", "event"),
    "transaction": (_SNOWPLOW, "transaction"),
    "transaction_item": (_SNOWPLOW, "transaction_item"),
}


class EventName:
    """``event_vendor``, ``event_name``, ``event_format``, ``event_version``."""

    name = "event_name"

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Fails an event of no type, or of one that has no schema."""
        kind = event.get("event")
        built_in = _BUILT_IN.get(kind) if kind is not None else None
        if built_in is not None:
            event["event_vendor"], event["event_name"] = built_in
            event["event_format"], event["event_version"] = "jsonschema", "1-0-0"
        elif kind == "unstruct":
            described = event.get("unstruct_event")
            if described is not None:
                vendor, name, form, version = SchemaKey.parse(described["schema"])
                event["event_vendor"], event["event_name"] = vendor, name
                event["event_format"], event["event_version"] = form, version
        else:
            wanted = "unstruct or one of " + ", ".join(_BUILT_IN)
            raise EnrichmentFailure("event", kind, wanted)
