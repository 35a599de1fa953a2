"""Properties: where in an event a value is found."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, PositiveInt, Tag

from snowmelt.definitions.atomic import AtomicName
from snowmelt.definitions.base import Definition
from snowmelt.definitions.enums import CalculatedOperation, DatePart
from snowmelt.definitions.names import NonEmpty, PropertyPath, SchemaName, Text16


class AtomicProperty(Definition):
    """One of the fields that every event has.

    >>> AtomicProperty(name="page_urlpath").to_wire()
    {'type': 'atomic', 'name': 'page_urlpath'}
    """

    type: Literal["atomic"] = "atomic"
    name: AtomicName = Field(description="The atomic field.")
    date_part: DatePart | None = Field(default=None, description="Only this part of a date-time.")


class SchemaProperty(Definition):
    """A value inside data that a schema describes: the common part of event and entity properties."""

    vendor: NonEmpty = Field(description="Vendor of the schema.")
    name: SchemaName = Field(description="Name of the schema.")
    major_version: PositiveInt = Field(description="Major version of the schema; any minor version matches.")
    path: PropertyPath = Field(description="Path to the value, e.g. `items[0].price`.")
    date_part: DatePart | None = Field(default=None, description="Only this part of a date-time.")


class EventProperty(SchemaProperty):
    """A value inside the body of a self-describing event.

    >>> EventProperty(vendor="com.example", name="search", major_version=1, path="$.term").path
    '$.term'
    """

    type: Literal["event"] = "event"


EntityIndex: TypeAlias = Annotated[
    Annotated[int, Field(ge=0), Tag("position")] | Annotated[Literal["*"], Tag("every")],
    Discriminator(lambda value: "every" if value == "*" else "position"),
]
"""The position of an entity among those of its schema, from 0; ``*`` is every one of them."""


class EntityProperty(SchemaProperty):
    """A value inside one of the entities that were attached to an event, or inside every one of them.

    ``index="*"`` goes beyond the public API: each entity's value is aggregated, as if it had come in an event of
    its own, so that a cart of three products sums three prices. A criterion holds if it holds for one of them.

    >>> price = EntityProperty(vendor="com.example", name="product", major_version=1, path="price", index="*")
    >>> price.to_wire()["index"]
    '*'
    """

    type: Literal["entity"] = "entity"
    index: EntityIndex = Field(default=0, description="Which one, of several entities with this schema; `*`: all.")


def property_tag(value: Any) -> str | None:
    """The kind of a property that is about to be read; one that has only a name is atomic."""
    if isinstance(value, Mapping):
        tag = value.get("type")
        if tag is None and "name" in value and not value.keys() - {"type", "name", "date_part", "output_name"}:
            return "atomic"
        return tag if isinstance(tag, str) else None
    return getattr(value, "type", None)


LeafProperty: TypeAlias = Annotated[
    Annotated[AtomicProperty, Tag("atomic")]
    | Annotated[EventProperty, Tag("event")]
    | Annotated[EntityProperty, Tag("entity")],
    Discriminator(
        property_tag,
        custom_error_type="property_type",
        custom_error_message="a property needs a `type`: atomic, event or entity",
    ),
]
"""A property that is read from an event as it is."""


class CalculatedProperty(Definition):
    """A value made from other properties of the same event; it cannot be nested.

    ``concat`` skips parts that an event lacks, ``coalesce`` takes the first part that it has, and for the
    numeric operations every part must be there.

    >>> parts = [AtomicProperty(name="mkt_source"), AtomicProperty(name="mkt_medium")]
    >>> CalculatedProperty(operation="concat", properties=parts, separator="/").separator
    '/'
    """

    type: Literal["calculated"] = "calculated"
    operation: CalculatedOperation = Field(description="How the parts become one value.")
    properties: list[LeafProperty] = Field(min_length=1, max_length=50, description="The parts, in order.")
    separator: Text16 | None = Field(default=None, description="Put between the parts of `concat`.")


Property: TypeAlias = Annotated[
    Annotated[AtomicProperty, Tag("atomic")]
    | Annotated[EventProperty, Tag("event")]
    | Annotated[EntityProperty, Tag("entity")]
    | Annotated[CalculatedProperty, Tag("calculated")],
    Discriminator(
        property_tag,
        custom_error_type="property_type",
        custom_error_message="a property needs a `type`: atomic, event, entity or calculated",
    ),
]
"""Any property: read from an event, or calculated."""
