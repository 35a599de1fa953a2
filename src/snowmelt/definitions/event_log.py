"""Event logs: the last events of a session, kept for an assistant to read (agentic contexts)."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, PositiveInt, Tag, field_validator

from snowmelt.definitions.atomic import AtomicName
from snowmelt.definitions.attribute_key import LinkAttributeKey
from snowmelt.definitions.base import Definition
from snowmelt.definitions.enums import ContextFormat
from snowmelt.definitions.event import Event
from snowmelt.definitions.names import (
    Name,
    NonEmpty,
    PropertyPath,
    SchemaName,
    Text255,
    Text1024,
    Text3800,
    VersionNumber,
)
from snowmelt.definitions.property import property_tag
from snowmelt.definitions.reading import ContextReader


class EventLogAtomicProperty(Definition):
    """An atomic field that is kept."""

    type: Literal["atomic"] = "atomic"
    name: AtomicName = Field(description="The atomic field.")
    output_name: str | None = Field(default=None, description="What it is called in the log.")

    def output_key(self) -> str:
        """What the value is called in the log."""
        return self.output_name or self.name


class EventLogSchemaProperty(Definition):
    """A value inside data that a schema describes: the common part of the next two."""

    vendor: NonEmpty = Field(description="Vendor of the schema.")
    name: SchemaName = Field(description="Name of the schema.")
    major_version: PositiveInt = Field(description="Major version of the schema.")
    path: PropertyPath = Field(description="Path to the value.")
    output_name: str | None = Field(default=None, description="What it is called in the log.")

    def output_key(self) -> str:
        """What the value is called in the log.

        >>> kept = EventLogEventProperty(vendor="com.example", name="search", major_version=1, path="query.q")
        >>> kept.output_key()
        'q'
        """
        return self.output_name or self.path.rsplit(".", 1)[-1]


class EventLogEventProperty(EventLogSchemaProperty):
    """A value of the event's own body that is kept."""

    type: Literal["event"] = "event"


class EventLogEntityProperty(EventLogSchemaProperty):
    """A value of an entity that is kept."""

    type: Literal["entity"] = "entity"
    index: int = Field(default=0, ge=0, description="Which one, of several entities with this schema.")


EventLogProperty: TypeAlias = Annotated[
    Annotated[EventLogAtomicProperty, Tag("atomic")]
    | Annotated[EventLogEventProperty, Tag("event")]
    | Annotated[EventLogEntityProperty, Tag("entity")],
    Discriminator(
        property_tag,
        custom_error_type="property_type",
        custom_error_message="a property needs a `type`: atomic, event or entity",
    ),
]
"""Any property that a log can keep."""


class EventLogEvent(Event):
    """A kind of event that a log keeps. ``version`` and ``major_version`` exclude each other."""

    major_version: PositiveInt | None = Field(default=None, description="Any version with this first number.")


class EventSelection(Definition):
    """Events that a log keeps, and which of their properties."""

    event: EventLogEvent = Field(description="Which events.")
    properties: list[EventLogProperty] = Field(min_length=1, max_length=50, description="What of each is kept.")

    @field_validator("event", mode="before")
    @classmethod
    def _from_event(cls, value: Any) -> Any:
        if isinstance(value, Event) and not isinstance(value, EventLogEvent):
            return value.model_dump()
        return value


class EventLog(Definition):
    """The last events of each session, at most ``max_events`` and none older than ``max_age_seconds``.

    >>> from snowmelt.definitions import PageView, domain_sessionid
    >>> title = EventLogAtomicProperty(name="page_title", output_name="title")
    >>> log = EventLog(
    ...     name="recent_activity",
    ...     attribute_key=domain_sessionid,
    ...     events=[EventSelection(event=PageView(), properties=[title])],
    ...     max_events=50,
    ...     max_age_seconds=1800,
    ... )
    >>> log.to_wire()["attribute_key"]
    {'name': 'domain_sessionid'}
    """

    name: Name = Field(description="Name of the log.")
    version: VersionNumber = Field(default=1, description="Version of the definition.")
    description: Text1024 | None = Field(default=None, description="What it is for, for people.")
    owner: Text255 | None = Field(default=None, description="Who answers for it.")
    prompt: Text3800 | None = Field(default=None, description="Handed to the assistant before the events.")
    attribute_key: LinkAttributeKey = Field(description="Whose events are kept; a session.")
    events: list[EventSelection] = Field(min_length=1, max_length=20, description="What is kept.")
    max_events: int = Field(gt=0, le=100, description="How many events are kept.")
    max_age_seconds: int = Field(gt=0, le=3600, description="How long they are kept, in seconds.")
    is_published: bool = Field(default=False, description="Whether it is in use.")

    def to_wire(self) -> dict[str, Any]:
        """The definition as JSON-ready members; its state travels in calls of its own."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True, exclude={"is_published"})

    def get_agentic_context(
        self, signals: ContextReader, identifier: str, format: ContextFormat = "json"
    ) -> "AgenticContextResponse | str":
        """What happened lately in one session.

        Args:
            signals: the client to read through.
            identifier: the session id.
            format: ``json`` for data, ``narrative`` for text that a prompt can hold.
        """
        return signals.get_agentic_context(name=self.name, identifier=identifier, format=format)


class EventLogResponse(EventLog):
    """An event log as the registry holds it: the newest row, and whether it or an older one is in use."""

    has_published_version: bool = Field(default=False, description="Whether some row is in use.")


class AgenticContextResponse(Definition):
    """What happened lately under an identifier, oldest first."""

    attribute_key: str = Field(description="Name of the key.")
    events: list[dict[str, Any]] = Field(description="The kept properties of each event.")
    identifier: str = Field(description="Value of the key.")
    name: str = Field(description="Name of the event log.")
    prompt: str | None = Field(default=None, description="The log's prompt.")
    started_at_ms: int = Field(description="Time of the first event, ms since the Unix epoch; 0 without events.")
    summary: str = Field(description="How recent and how long, in words.")
    version: int | None = Field(default=None, description="Version of this layout.")
