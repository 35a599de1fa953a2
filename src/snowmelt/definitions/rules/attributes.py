"""Rules for one attribute: aggregation, type, property and durations must fit together."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, get_args

from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.enums import Aggregation, AttributeType
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.property import AtomicProperty
from snowmelt.definitions.rules.comparisons import check_criteria, check_event
from snowmelt.definitions.rules.durations import check_positive
from snowmelt.definitions.rules.properties import EXTRACTED, NUMERIC, check_property, date_part_of, kind_of

MOST_EVENTS: Final = 100
SHORTEST_PERIOD: Final = timedelta(seconds=1)

Types = frozenset[AttributeType]
ALL_TYPES: Final[Types] = frozenset(get_args(AttributeType))
INTEGER_TYPES: Final[Types] = frozenset({"int32", "int64"})
FLOAT_TYPES: Final[Types] = frozenset({"float", "double"})
NUMERIC_TYPES: Final[Types] = INTEGER_TYPES | FLOAT_TYPES
TIME_TYPES: Final[Types] = frozenset({"timestamp", "unix_timestamp"})
LIST_TYPES: Final[Types] = frozenset(name for name in ALL_TYPES if name.endswith("_list"))
SCALAR_TYPES: Final[Types] = ALL_TYPES - LIST_TYPES - {"dict"}

TYPES: Final[dict[Aggregation, Types]] = {
    "counter": NUMERIC_TYPES,
    "sum": NUMERIC_TYPES,
    "min": NUMERIC_TYPES | TIME_TYPES,
    "max": NUMERIC_TYPES | TIME_TYPES,
    "mean": NUMERIC_TYPES,
    "first": SCALAR_TYPES,
    "last": SCALAR_TYPES,
    "unique_list": LIST_TYPES,
    "most_frequent": SCALAR_TYPES,
    "least_frequent": SCALAR_TYPES,
    "category_count": frozenset({"dict"}),
    "approx_count_distinct": NUMERIC_TYPES,
    "time_since_last": FLOAT_TYPES,
    "time_since_first": FLOAT_TYPES,
    "stddev": NUMERIC_TYPES,
    "percentile": NUMERIC_TYPES,
    "count_distinct": NUMERIC_TYPES,
}
"""The types that the value of an aggregation may have."""

OF_NUMBERS: Final[frozenset[Aggregation]] = frozenset({"sum", "min", "max", "mean", "stddev", "percentile"})
OF_SCALARS: Final[frozenset[Aggregation]] = frozenset(
    {
        "first",
        "last",
        "unique_list",
        "most_frequent",
        "least_frequent",
        "category_count",
        "approx_count_distinct",
        "count_distinct",
    }
)
OF_TIME: Final[frozenset[Aggregation]] = frozenset({"time_since_last", "time_since_first"})


def check_attribute(attribute: Attribute) -> Iterator[Problem]:
    """What is wrong with an attribute; places are counted from the attribute."""
    yield from _check_events(attribute)
    if attribute.criteria is not None:
        yield from (problem.under("criteria") for problem in check_criteria(attribute.criteria))
    yield from _check_type(attribute)
    # A counter looks at no property: one that is given is ignored, whatever it is.
    if attribute.aggregation != "counter":
        yield from _check_use(attribute)
        if attribute.property is not None:
            yield from (problem.under("property") for problem in check_property(attribute.property))
            yield from _check_date_part(attribute)
    yield from _check_time_unit(attribute)
    yield from _check_percentile(attribute)
    yield from _check_durations(attribute)


def _check_events(attribute: Attribute) -> Iterator[Problem]:
    if len(attribute.events) > MOST_EVENTS:
        yield Problem(
            ("events",),
            f"an attribute looks at {MOST_EVENTS} kinds of events at most, not at {len(attribute.events)}; "
            "none named means all events",
            "too_long",
        )
    for index, event in enumerate(attribute.events):
        yield from (problem.under("events", index) for problem in check_event(event))


def _check_type(attribute: Attribute) -> Iterator[Problem]:
    allowed = TYPES[attribute.aggregation]
    if attribute.type not in allowed:
        yield Problem(
            ("type",),
            f"`{attribute.aggregation}` gives no `{attribute.type}`; write {_either(allowed)}",
            "type_of_aggregation",
        )


def _check_use(attribute: Attribute) -> Iterator[Problem]:
    """Whether the aggregation has the property that it needs."""
    name, found = attribute.aggregation, attribute.property
    if name in OF_TIME:
        if found is not None and not (isinstance(found, AtomicProperty) and found.name == "derived_tstamp"):
            yield Problem(
                ("property",),
                f"`{name}` is about the time of the event: leave the property out, or name `derived_tstamp`",
                "property_of_time",
            )
        return
    if found is None:
        what = "a numeric property" if name in OF_NUMBERS else "a property"
        yield Problem(("property",), f"`{name}` needs {what}", "property_needed")
        return
    kind = kind_of(found)
    if kind is None:
        return
    if name in OF_SCALARS:
        if kind == "json":
            yield Problem(
                ("property",),
                f"`{name}` takes text, numbers and booleans, not lists or objects",
                "property_kind",
            )
    elif attribute.type in TIME_TYPES and name in ("min", "max"):
        if kind != "time":
            yield Problem(("property",), f"`{name}` of type `{attribute.type}` needs a date-time", "property_kind")
    elif kind not in NUMERIC:
        yield Problem(("property",), f"`{name}` needs a number, but this property is {kind}", "property_kind")


def _check_date_part(attribute: Attribute) -> Iterator[Problem]:
    part = date_part_of(attribute.property)
    if part is None:
        return
    if attribute.aggregation not in OF_SCALARS:
        yield Problem(
            ("property", "date_part"),
            f"`date_part` does not go with `{attribute.aggregation}`, only with {_either(OF_SCALARS)}",
            "date_part_of_aggregation",
        )
        return
    if attribute.aggregation == "category_count":
        return
    allowed: Types = INTEGER_TYPES if part in EXTRACTED else frozenset({"string"})
    if attribute.aggregation == "unique_list":
        allowed = frozenset({"int32_list", "int64_list"}) if part in EXTRACTED else frozenset({"string_list"})
    elif attribute.aggregation in ("approx_count_distinct", "count_distinct"):
        allowed = INTEGER_TYPES
    # A type that the aggregation never has was reported already.
    if attribute.type in TYPES[attribute.aggregation] - allowed:
        yield Problem(
            ("type",),
            f"`{attribute.aggregation}` of `{part}` gives no `{attribute.type}`; write {_either(allowed)}",
            "type_of_date_part",
        )


def _check_time_unit(attribute: Attribute) -> Iterator[Problem]:
    if attribute.aggregation in OF_TIME:
        if attribute.time_unit is None:
            yield Problem(
                ("time_unit",),
                f"`{attribute.aggregation}` needs a unit: `s`, `min`, `h` or `d`",
                "time_unit_needed",
            )
    elif attribute.time_unit is not None:
        yield Problem(("time_unit",), f"only {_either(OF_TIME)} have a `time_unit`", "time_unit_unused")


def _check_percentile(attribute: Attribute) -> Iterator[Problem]:
    if attribute.aggregation == "percentile":
        if attribute.percentile is None:
            yield Problem(("percentile",), "`percentile` needs to know which one: 0 to 100", "percentile_needed")
    elif attribute.percentile is not None:
        yield Problem(("percentile",), "only `percentile` has a `percentile`", "percentile_unused")


def _check_durations(attribute: Attribute) -> Iterator[Problem]:
    yield from check_positive("ttl", attribute.ttl)
    if attribute.period is None:
        return
    if attribute.period < SHORTEST_PERIOD:
        yield Problem(("period",), "a period is one second at least", "too_short")
    if attribute.ttl is not None:
        yield Problem(
            ("ttl",),
            "`ttl` is for attributes over all time; with a `period` values expire by themselves",
            "exclusive",
        )


def _either(words: frozenset[str] | frozenset[Aggregation] | Types) -> str:
    *most, last = sorted(f"`{word}`" for word in words)
    return f"{', '.join(most)} or {last}" if most else last
