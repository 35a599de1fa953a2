"""Publishing by reference, and what an engine is told about published definitions."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, PositiveInt, Tag

from snowmelt.definitions.base import Definition
from snowmelt.definitions.duration import Duration
from snowmelt.definitions.enums import CalculatedOperation, DatePart, TimeUnit
from snowmelt.definitions.intervention import RuleIntervention
from snowmelt.definitions.names import Instant, Name, VersionNumber


class NamedReference(Definition):
    """A definition without versions."""

    name: Name = Field(description="Its name.")


class VersionedReference(NamedReference):
    """One version of a definition."""

    version: VersionNumber = Field(description="Its version.")


class SelectivePublishRequest(Definition):
    """Definitions to publish or unpublish, all of them or none."""

    attribute_keys: list[NamedReference] = Field(default_factory=list, description="Attribute keys.")
    attribute_groups: list[VersionedReference] = Field(default_factory=list, description="Attribute groups.")
    services: list[NamedReference] = Field(default_factory=list, description="Services.")
    interventions: list[VersionedReference] = Field(default_factory=list, description="Interventions.")
    event_logs: list[NamedReference] = Field(default_factory=list, description="Event logs.")
    agentic_decisions: list[NamedReference] = Field(default_factory=list, description="Agentic decisions.")
    agentic_attributes: list[NamedReference] = Field(
        default_factory=list, description="Agentic decisions under their other name."
    )

    def is_empty(self) -> bool:
        """Whether nothing at all is referred to."""
        return not any(getattr(self, name) for name in type(self).model_fields)


PublishRequest: TypeAlias = SelectivePublishRequest


class UnpublishRequest(SelectivePublishRequest):
    """Definitions to take out of use, all of them or none."""


class PublishResponse(Definition):
    """Whether there was anything to publish."""

    status: Literal["published", "nothing to publish"] = Field(description="What was done.")
    evaluation: str | None = Field(default=None, description="What does not follow from it, if something does not.")


class UnpublishResponse(Definition):
    """Whether there was anything to unpublish."""

    status: Literal["unpublished", "nothing to unpublish"] = Field(description="What was done.")


class AttributeKeyPublishedMetadata(Definition):
    """What an engine must know of a key."""

    name: str = Field(description="Name of the key.")
    key: str | None = Field(default=None, description="Atomic field of the key.")
    blobl_path: str | None = Field(default=None, description="Path of the identifier in the event.")


class PublishedStreamLeafProperty(Definition):
    """A value in the event, by its path."""

    type: Literal["leaf"] = "leaf"
    blobl_path: str = Field(description="Path of the value in the event.")
    date_part: DatePart | None = Field(default=None, description="Only this part of a date-time.")


class PublishedStreamCalculatedProperty(Definition):
    """A value made from others."""

    type: Literal["calculated"] = "calculated"
    operation: CalculatedOperation = Field(description="How the parts become one value.")
    properties: list[PublishedStreamLeafProperty] = Field(min_length=1, description="The parts.")
    separator: str | None = Field(default=None, description="Put between the parts of `concat`.")


def _tag(value: Any) -> str | None:
    return value.get("type", "leaf") if isinstance(value, dict) else getattr(value, "type", None)


PublishedStreamProperty: TypeAlias = Annotated[
    Annotated[PublishedStreamLeafProperty, Tag("leaf")]
    | Annotated[PublishedStreamCalculatedProperty, Tag("calculated")],
    Discriminator(_tag),
]


class SourceGroupReference(Definition):
    """An attribute of a group that shares a published definition."""

    name: Name = Field(description="Name of the group.")
    version: PositiveInt = Field(description="Version of the group.")
    attribute_name: Name = Field(description="What the attribute is called there.")


class PublishedStreamAttribute(Definition):
    """A computation that an engine runs, once for all groups that share it."""

    definition_hash: str = Field(description="The same for equal definitions only.")
    attribute_key_name: str = Field(description="Name of the key.")
    attribute_key_or_name: str = Field(description="The key's `key`, else its name.")
    attribute_key: AttributeKeyPublishedMetadata = Field(description="The key.")
    type: str = Field(description="Type of the value.")
    aggregation: str = Field(description="How many values become one.")
    events: list[dict[str, Any]] | None = Field(default=None, description="Which events count.")
    property: PublishedStreamProperty | None = Field(default=None, description="What is aggregated.")
    criteria: dict[str, Any] | None = Field(default=None, description="Conditions on the event.")
    period: Duration | None = Field(default=None, description="Only events this recent.")
    ttl: int = Field(description="Forgotten after this many seconds.")
    time_unit: TimeUnit | None = Field(default=None, description="Unit of `time_since_*`.")
    source_groups: list[SourceGroupReference] = Field(description="Who shares it.")
    streaming_since_tstamp: str | None = Field(default=None, description="Counts events from here on.")


class PublishedStreamAttributes(Definition):
    """Every computation that is in use."""

    attributes: list[PublishedStreamAttribute] = Field(description="The computations.")
    published_at: Instant | None = Field(default=None, description="When this last changed.")


class PublishedInterventionsForStream(Definition):
    """Every intervention that is in use."""

    interventions: list[RuleIntervention] = Field(description="The interventions.")
    published_at: Instant | None = Field(default=None, description="When this last changed.")
