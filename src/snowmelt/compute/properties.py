"""Properties as paths into an event's JSON form, and as generated Python over the projected event."""

from collections.abc import Iterator
from typing import Any

from snowmelt.compute import calculated
from snowmelt.compute.plan import Property
from snowmelt.compute.projection import EVERY, Path, Projection, walk, walk_every
from snowmelt.definitions.property import AtomicProperty, CalculatedProperty, EntityProperty
from snowmelt.definitions.rules.properties import is_every
from snowmelt.events.columns import entity_column, event_column
from snowmelt.events.path import parse_path

NAMES: dict[str, Any] = {
    "walk": walk,
    "walk_every": walk_every,
    "date_part": calculated.date_part,
    "date_parts": calculated.date_parts,
    "concat": calculated.concat,
    "operations": calculated.OPERATIONS,
}
"""What the expressions of :func:`property_source` refer to by name."""


def path_of(source: AtomicProperty | EntityProperty | Property) -> Path:
    """Where a property's value stands in the event's JSON form."""
    if isinstance(source, AtomicProperty):
        return (source.name,)
    assert not isinstance(source, CalculatedProperty)
    steps = parse_path(source.path)
    if isinstance(source, EntityProperty):
        index = EVERY if source.index == "*" else source.index
        return (entity_column(source.vendor, source.name, source.major_version), index, *steps)
    return (event_column(source.vendor, source.name, source.major_version), *steps)


def paths_of(source: Property) -> Iterator[Path]:
    """Every path that a property reads."""
    parts = source.properties if isinstance(source, CalculatedProperty) else [source]
    for part in parts:
        yield path_of(part)


def property_source(source: Property, projection: Projection, event: str) -> str:
    """A Python expression for a property of the projected event that is called ``event``.

    Its namespace needs :data:`NAMES`. Of a property with a value for every entity of its kind it gives a list.
    """
    if isinstance(source, CalculatedProperty):
        parts = ", ".join(property_source(part, projection, event) for part in source.properties)
        if source.operation == "concat":
            return f"concat({source.separator or ''!r}, {parts})"
        return f"operations[{source.operation!r}]({parts})"
    value = projection.access(path_of(source), event)
    if source.date_part and is_every(source):
        return f"date_parts({value}, {source.date_part!r})"
    return f"date_part({value}, {source.date_part!r})" if source.date_part else value
