"""Which events an attribute looks at."""

from pydantic import Field

from snowmelt.definitions.base import Definition
from snowmelt.definitions.names import NonEmpty, SchemaName, SchemaVersion, Vendor

SNOWPLOW_VENDOR = "com.snowplowanalytics.snowplow"
STRUCTURED_VENDOR = "com.google.analytics"


class Event(Definition):
    """A kind of event; members that are left out match anything.

    >>> Event(name="snowplow_ecommerce_action").to_wire()
    {'name': 'snowplow_ecommerce_action'}
    """

    name: SchemaName | None = Field(default=None, description="Name of the event.")
    vendor: Vendor | None = Field(default=None, description="Vendor of the event.")
    version: SchemaVersion | None = Field(default=None, description="Exact schema version, e.g. `1-0-0`.")
    event_specification_id: NonEmpty | None = Field(
        default=None, description="Id of an event specification, instead of the other members."
    )


def PageView() -> Event:
    """A view of a page."""
    return Event(name="page_view", vendor=SNOWPLOW_VENDOR, version="1-0-0")


def PagePing() -> Event:
    """A sign that somebody still looks at a page."""
    return Event(name="page_ping", vendor=SNOWPLOW_VENDOR, version="1-0-0")


def StructuredEvent() -> Event:
    """An event with category, action, label, property and value."""
    return Event(name="event", vendor=STRUCTURED_VENDOR, version="1-0-0")
