"""Attributes: what is known about somebody, computed from events."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from snowmelt.definitions.base import Definition
from snowmelt.definitions.criteria import Criteria, Scalar
from snowmelt.definitions.duration import Duration
from snowmelt.definitions.enums import Aggregation, AttributeType, TimeUnit
from snowmelt.definitions.event import Event
from snowmelt.definitions.names import Name, Text
from snowmelt.definitions.property import Property


def _scalars(value: Any) -> Any:
    """Say in one sentence what would else be an error for each type that a default could have."""
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, Mapping | list) or item is None for item in items):
        raise PydanticCustomError("value_type", "a default is a string, number or boolean, or a list of these")
    return value


DefaultValue: TypeAlias = Annotated[str | int | float | bool | list[Scalar], BeforeValidator(_scalars)]
"""What is read where nothing is known. JSON types are kept."""


class Attribute(Definition):
    """One value of a profile: which events, which of their values, put together how.

    >>> from snowmelt.definitions import PageView
    >>> Attribute(name="views", type="int32", aggregation="counter", events=[PageView()]).period is None
    True
    """

    name: Name = Field(description="Unique in its group.")
    description: Text | None = Field(default=None, description="What it tells, for people.")
    type: AttributeType = Field(description="Type of the value.")
    events: list[Event] = Field(default_factory=list, description="Which events count; none named means all.")
    aggregation: Aggregation = Field(description="How many values become one.")
    property: Property | None = Field(default=None, description="The value that is aggregated.")
    criteria: Criteria | None = Field(default=None, description="Conditions on the event.")
    period: Duration | None = Field(default=None, description="Only events this recent; absent means all time.")
    default_value: DefaultValue | None = Field(default=None, description="Read where nothing is known.")
    time_unit: TimeUnit | None = Field(default=None, description="Unit of `time_since_*`.")
    percentile: float | None = Field(
        default=None, ge=0, le=100, allow_inf_nan=False, description="Which one, of `percentile`; 50 is the median."
    )
    ttl: Duration | None = Field(default=None, description="Forgotten when not updated for this long.")
