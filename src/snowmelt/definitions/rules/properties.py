"""Rules for properties: which parts fit together, and what kind of value comes out."""

from collections.abc import Iterator
from typing import Final

from snowmelt.definitions.atomic import ValueKind, atomic_kind
from snowmelt.definitions.enums import DatePart
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.property import AtomicProperty, CalculatedProperty, EntityProperty, EventProperty

Leaf = AtomicProperty | EventProperty | EntityProperty
AnyProperty = Leaf | CalculatedProperty

EXTRACTED: Final[frozenset[DatePart]] = frozenset({"hour_of_day", "day_of_week", "month_of_year"})
"""Date parts that are numbers; the others are text."""

NUMERIC: Final[frozenset[ValueKind]] = frozenset({"integer", "number"})
_NUMERIC_OPERATIONS: Final = frozenset({"sum", "product", "min", "max"})


def kind_of(found: AnyProperty) -> ValueKind | None:
    """What kind of value a property has, or ``None`` where only a schema could tell.

    >>> kind_of(AtomicProperty(name="derived_tstamp", date_part="hour_of_day"))
    'integer'
    """
    if isinstance(found, CalculatedProperty):
        if found.operation == "concat":
            return "text"
        if found.operation in _NUMERIC_OPERATIONS:
            return "number"
        return next((kind for kind in map(kind_of, found.properties) if kind is not None), None)
    if found.date_part is not None:
        return "integer" if found.date_part in EXTRACTED else "text"
    return atomic_kind(found.name) if isinstance(found, AtomicProperty) else None


def date_part_of(found: AnyProperty | None) -> DatePart | None:
    """The date part of a property that has one of its own."""
    return None if found is None or isinstance(found, CalculatedProperty) else found.date_part


def is_every(found: AnyProperty) -> bool:
    """Whether a property has a value for every entity of its kind, and so perhaps several."""
    return isinstance(found, EntityProperty) and found.index == "*"


def check_property(found: AnyProperty) -> Iterator[Problem]:
    """What is wrong with a property, whatever it is used for."""
    if not isinstance(found, CalculatedProperty):
        yield from _check_leaf(found)
        return
    for index, part in enumerate(found.properties):
        yield from (problem.under("properties", index) for problem in _check_leaf(part))
        if is_every(part):
            yield Problem(
                ("properties", index, "index"), "a calculated property takes one value: give a number", "every_entity"
            )
    if found.operation != "coalesce" and len(found.properties) < 2:
        yield Problem(
            ("properties",),
            f"`{found.operation}` needs two properties at least; `coalesce` takes one",
            "too_short",
        )
    if found.separator and found.operation != "concat":
        yield Problem(("separator",), f"`{found.operation}` has no `separator`; only `concat` has", "separator_unused")
    yield from _check_parts(found)


def _check_leaf(found: Leaf) -> Iterator[Problem]:
    if isinstance(found, AtomicProperty) and found.date_part is not None and atomic_kind(found.name) != "time":
        yield Problem(
            ("date_part",),
            f"`date_part` needs a date-time such as `derived_tstamp`, which `{found.name}` is not",
            "date_part_of_no_time",
        )


def _check_parts(found: CalculatedProperty) -> Iterator[Problem]:
    kinds = [kind_of(part) for part in found.properties]
    for index, kind in enumerate(kinds):
        if found.operation == "concat" and kind in ("number", "boolean", "json"):
            yield Problem(("properties", index), f"`concat` takes text and integers, but this is a {kind}", "part_kind")
        elif found.operation in _NUMERIC_OPERATIONS and kind is not None and kind not in NUMERIC:
            yield Problem(("properties", index), f"`{found.operation}` takes numbers, but this is {kind}", "part_kind")
    if found.operation == "coalesce":
        known = {"number" if kind in NUMERIC else kind for kind in kinds if kind is not None}
        if "json" in known:
            yield Problem(("properties",), "`coalesce` takes no lists or objects", "part_kind")
        elif len(known) > 1:
            listed = ", ".join(sorted(kind for kind in known if kind))
            yield Problem(("properties",), f"`coalesce` takes values of one kind, but these are {listed}", "part_kind")
