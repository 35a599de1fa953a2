"""Attributes that keep and break each rule, one row a rule, and the small builders that write them."""

from typing import Any

EVENT: dict[str, Any] = {
    "type": "event",
    "vendor": "com.example",
    "name": "search",
    "major_version": 1,
    "path": "p",
}
ENTITY: dict[str, Any] = EVENT | {"type": "entity"}
TIME = {"type": "atomic", "name": "derived_tstamp"}
TEXT = {"type": "atomic", "name": "page_url"}
NUMBER = {"type": "atomic", "name": "se_value"}
INTEGER = {"type": "atomic", "name": "page_urlport"}
FLAG = {"type": "atomic", "name": "br_cookies"}
JSON = {"type": "atomic", "name": "contexts"}


def calculated(operation: str, *properties: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"type": "calculated", "operation": operation, "properties": list(properties), **members}


def attribute(aggregation: str, type: str, property: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {"name": "a", "type": type, "aggregation": aggregation, "property": property, **members}


def group(**members: Any) -> dict[str, Any]:
    return {"name": "shop", "attribute_key": {"name": "user_id"}, **members}


def counter(**members: Any) -> dict[str, Any]:
    return attribute("counter", "int32", **members)


def criterion(operator: str, value: Any = None) -> dict[str, Any]:
    return counter(criteria={"all": [{"property": TEXT, "operator": operator, "value": value}]})


# One row a rule: what is right, what is wrong, and where the wrong one is wrong.
ATTRIBUTES: list[tuple[str, list[dict[str, Any]], list[tuple[dict[str, Any], tuple[str | int, ...], str]]]] = [
    (
        "a counter ignores its property",
        [counter(), counter(property=JSON), counter(property=TEXT | {"date_part": "active_day"})],
        [],
    ),
    (
        "sum, min, max and mean need a number",
        [
            attribute("sum", "double", NUMBER),
            attribute("mean", "float", EVENT),
            attribute("min", "int32", INTEGER),
            attribute("max", "int64", calculated("product", NUMBER, ENTITY)),
        ],
        [
            (attribute("sum", "double"), ("property",), "property_needed"),
            (attribute("mean", "double"), ("property",), "property_needed"),
            (attribute("sum", "double", TEXT), ("property",), "property_kind"),
            (attribute("min", "double", FLAG), ("property",), "property_kind"),
            (attribute("max", "double", TIME), ("property",), "property_kind"),
            (attribute("sum", "double", calculated("concat", TEXT, TEXT)), ("property",), "property_kind"),
        ],
    ),
    (
        "min and max also take times",
        [attribute("min", "timestamp", TIME), attribute("max", "unix_timestamp", EVENT)],
        [
            (attribute("min", "timestamp", NUMBER), ("property",), "property_kind"),
            (attribute("max", "timestamp"), ("property",), "property_needed"),
        ],
    ),
    (
        "aggregations of values need a value",
        [
            attribute("first", "string", TEXT),
            attribute("last", "bool", FLAG),
            attribute("most_frequent", "double", NUMBER),
            attribute("least_frequent", "timestamp", TIME),
            attribute("unique_list", "string_list", ENTITY),
            attribute("category_count", "dict", TEXT),
            attribute("approx_count_distinct", "int64", TEXT),
        ],
        [
            (attribute("first", "string"), ("property",), "property_needed"),
            (attribute("last", "string"), ("property",), "property_needed"),
            (attribute("most_frequent", "string"), ("property",), "property_needed"),
            (attribute("least_frequent", "string"), ("property",), "property_needed"),
            (attribute("unique_list", "string_list"), ("property",), "property_needed"),
            (attribute("category_count", "dict"), ("property",), "property_needed"),
            (attribute("approx_count_distinct", "int64"), ("property",), "property_needed"),
            (attribute("last", "string", JSON), ("property",), "property_kind"),
        ],
    ),
    (
        "times since are about the event's time, in a unit",
        [
            attribute("time_since_last", "double", time_unit="min"),
            attribute("time_since_first", "float", TIME, time_unit="d"),
        ],
        [
            (attribute("time_since_last", "double"), ("time_unit",), "time_unit_needed"),
            (attribute("time_since_last", "int32", time_unit="s"), ("type",), "type_of_aggregation"),
            (
                attribute(
                    "time_since_first",
                    "double",
                    {"type": "atomic", "name": "collector_tstamp"},
                    time_unit="h",
                ),
                ("property",),
                "property_of_time",
            ),
            (
                attribute("time_since_first", "double", EVENT, time_unit="h"),
                ("property",),
                "property_of_time",
            ),
            (
                attribute("time_since_first", "double", TIME | {"date_part": "active_day"}, time_unit="h"),
                ("property", "date_part"),
                "date_part_of_aggregation",
            ),
        ],
    ),
    (
        "a percentile needs to know which one, and nothing else does",
        [attribute("percentile", "double", NUMBER, percentile=share) for share in (0, 50, 99.9, 100)],
        [
            (attribute("percentile", "double", NUMBER), ("percentile",), "percentile_needed"),
            (attribute("percentile", "string", NUMBER, percentile=50), ("type",), "type_of_aggregation"),
            (attribute("percentile", "double", percentile=50), ("property",), "property_needed"),
            (attribute("stddev", "double", NUMBER, percentile=50), ("percentile",), "percentile_unused"),
        ],
    ),
    (
        "the other aggregations beyond the public API",
        [attribute("stddev", "float", NUMBER), attribute("count_distinct", "int32", TEXT)],
        [
            (attribute("stddev", "double", TEXT), ("property",), "property_kind"),
            (attribute("count_distinct", "string", TEXT), ("type",), "type_of_aggregation"),
            (attribute("count_distinct", "int32", JSON), ("property",), "property_kind"),
        ],
    ),
    (
        "every entity of a kind can be aggregated and asked for, but not calculated with",
        [
            attribute("sum", "double", ENTITY | {"index": "*"}),
            counter(criteria={"any": [{"property": ENTITY | {"index": "*"}, "operator": "=", "value": "a"}]}),
        ],
        [
            (
                attribute("sum", "double", calculated("sum", NUMBER, ENTITY | {"index": "*"})),
                ("property", "properties", 1, "index"),
                "every_entity",
            ),
        ],
    ),
    (
        "nothing else has a unit",
        [],
        [
            (counter(time_unit="s"), ("time_unit",), "time_unit_unused"),
            (attribute("last", "double", NUMBER, time_unit="s"), ("time_unit",), "time_unit_unused"),
        ],
    ),
    (
        "period and ttl exclude each other",
        [counter(period="PT15M"), counter(ttl="P30D")],
        [(counter(period="PT15M", ttl="P30D"), ("ttl",), "exclusive")],
    ),
    (
        "durations are greater than zero, periods a second at least",
        [counter(period="PT1S"), counter(ttl="PT0.001S")],
        [
            (counter(period="PT0S"), ("period",), "too_short"),
            (counter(period="PT0.999S"), ("period",), "too_short"),
            (counter(period="-P1D"), ("period",), "too_short"),
            (counter(ttl="PT0S"), ("ttl",), "too_short"),
            (counter(ttl="-PT1S"), ("ttl",), "too_short"),
        ],
    ),
    (
        "date parts need a date-time",
        [
            attribute("last", "string", {"type": "atomic", "name": name, "date_part": "active_day"})
            for name in (
                "derived_tstamp",
                "collector_tstamp",
                "dvce_created_tstamp",
                "dvce_sent_tstamp",
                "refr_dvce_tstamp",
                "etl_tstamp",
                "true_tstamp",
            )
        ]
        + [attribute("last", "string", leaf | {"date_part": "active_day"}) for leaf in (EVENT, ENTITY)],
        [
            (
                attribute("last", "string", TEXT | {"date_part": "active_day"}),
                ("property", "date_part"),
                "date_part_of_no_time",
            ),
            (
                counter(criteria={"any": [{"property": TEXT | {"date_part": "active_day"}, "operator": "is null"}]}),
                ("criteria", "any", 0, "property", "date_part"),
                "date_part_of_no_time",
            ),
            (
                attribute("last", "string", calculated("concat", TEXT, TEXT | {"date_part": "active_day"})),
                ("property", "properties", 1, "date_part"),
                "date_part_of_no_time",
            ),
        ],
    ),
    (
        "date parts go with values only",
        [attribute("most_frequent", "int32", TIME | {"date_part": "hour_of_day"})],
        [
            (
                attribute("sum", "int32", TIME | {"date_part": "hour_of_day"}),
                ("property", "date_part"),
                "date_part_of_aggregation",
            ),
            (
                attribute("min", "int32", EVENT | {"date_part": "hour_of_day"}),
                ("property", "date_part"),
                "date_part_of_aggregation",
            ),
        ],
    ),
    (
        "date parts have their types",
        [
            attribute("last", "int64", TIME | {"date_part": "day_of_week"}),
            attribute("unique_list", "int32_list", TIME | {"date_part": "month_of_year"}),
            attribute("first", "string", TIME | {"date_part": "active_week"}),
            attribute("unique_list", "string_list", TIME | {"date_part": "active_month"}),
            attribute("category_count", "dict", TIME | {"date_part": "active_day"}),
            attribute("approx_count_distinct", "int32", TIME | {"date_part": "active_day"}),
        ],
        [
            (
                attribute("last", "string", TIME | {"date_part": "day_of_week"}),
                ("type",),
                "type_of_date_part",
            ),
            (attribute("last", "int32", TIME | {"date_part": "active_day"}), ("type",), "type_of_date_part"),
            (
                attribute("unique_list", "string_list", TIME | {"date_part": "hour_of_day"}),
                ("type",),
                "type_of_date_part",
            ),
            (
                attribute("approx_count_distinct", "double", TIME | {"date_part": "active_day"}),
                ("type",),
                "type_of_date_part",
            ),
            (
                attribute("category_count", "string", TIME | {"date_part": "active_day"}),
                ("type",),
                "type_of_aggregation",
            ),
        ],
    ),
    (
        "types fit the aggregation",
        [
            counter() | {"type": "double"},
            attribute("unique_list", "unix_timestamp_list", TEXT),
            attribute("last", "bytes", TEXT),
        ],
        [
            (attribute("counter", "string"), ("type",), "type_of_aggregation"),
            (attribute("sum", "timestamp", NUMBER), ("type",), "type_of_aggregation"),
            (attribute("mean", "string", NUMBER), ("type",), "type_of_aggregation"),
            (attribute("min", "string", NUMBER), ("type",), "type_of_aggregation"),
            (attribute("unique_list", "string", TEXT), ("type",), "type_of_aggregation"),
            (attribute("category_count", "string_list", TEXT), ("type",), "type_of_aggregation"),
            (attribute("approx_count_distinct", "string", TEXT), ("type",), "type_of_aggregation"),
            (attribute("last", "string_list", TEXT), ("type",), "type_of_aggregation"),
            (attribute("first", "dict", TEXT), ("type",), "type_of_aggregation"),
            (attribute("most_frequent", "int32_list", TEXT), ("type",), "type_of_aggregation"),
        ],
    ),
    (
        "a hundred kinds of events at most",
        [counter(events=[]), counter(events=[{"name": "search"}] * 100)],
        [(counter(events=[{"name": "search"}] * 101), ("events",), "too_long")],
    ),
    (
        "an event specification stands alone",
        [counter(events=[{"event_specification_id": "spec"}])],
        [
            (
                counter(events=[{}, {"event_specification_id": "spec", member: value}]),
                ("events", 1, "event_specification_id"),
                "exclusive",
            )
            for member, value in (("name", "search"), ("vendor", "com.example"), ("version", "1-0-0"))
        ],
    ),
    (
        "`in` needs a list",
        [criterion("in", ["a"])],
        [(criterion("in", value), ("criteria", "all", 0, "value"), "list_needed") for value in (None, [], "a", 3)],
    ),
    (
        "null tests take no value",
        [criterion("is null"), criterion("is not null")],
        [
            (criterion(operator, "a"), ("criteria", "all", 0, "value"), "value_unused")
            for operator in ("is null", "is not null")
        ],
    ),
    (
        "comparisons need one scalar",
        [
            criterion(operator, value)
            for operator in ("=", "!=", "<", ">", "<=", ">=")
            for value in ("a", 0, 1.5, False)
        ],
        [
            (criterion(operator, value), ("criteria", "all", 0, "value"), "scalar_needed")
            for operator in ("=", "!=", "<", ">", "<=", ">=", "like")
            for value in (None, ["a"])
        ],
    ),
    (
        "`like` needs a text",
        [criterion("like", "a%")],
        [(criterion("like", 3), ("criteria", "all", 0, "value"), "text_needed")],
    ),
    (
        "both lists of criteria may be there, or none",
        [
            counter(criteria={}),
            counter(criteria={"all": [], "any": []}),
            counter(
                criteria={
                    "all": [{"property": TEXT, "operator": "is null"}],
                    "any": [{"property": TEXT, "operator": "is null"}],
                }
            ),
        ],
        [],
    ),
    (
        "`concat` joins text and integers",
        [attribute("last", "string", calculated("concat", TEXT, INTEGER, EVENT, separator="/"))],
        [
            (
                attribute("last", "string", calculated("concat", TEXT, part)),
                ("property", "properties", 1),
                "part_kind",
            )
            for part in (NUMBER, FLAG, JSON)
        ],
    ),
    (
        "numeric operations take numbers",
        [
            attribute("sum", "double", calculated(name, NUMBER, INTEGER, EVENT))
            for name in ("sum", "product", "min", "max")
        ],
        [
            (
                attribute("sum", "double", calculated(name, part, NUMBER)),
                ("property", "properties", 0),
                "part_kind",
            )
            for name in ("sum", "product", "min", "max")
            for part in (TEXT, FLAG, TIME)
        ],
    ),
    (
        "`coalesce` takes values of one kind",
        [
            attribute("last", "string", calculated("coalesce", TEXT, ENTITY, TEXT)),
            attribute("last", "double", calculated("coalesce", NUMBER, INTEGER)),
        ],
        [
            (
                attribute("last", "string", calculated("coalesce", TEXT, ENTITY, NUMBER)),
                ("property", "properties"),
                "part_kind",
            ),
        ],
    ),
    (
        "two parts at least, but for `coalesce`",
        [attribute("last", "string", calculated("coalesce", TEXT))],
        [
            (
                attribute("last", "string", calculated("concat", TEXT)),
                ("property", "properties"),
                "too_short",
            ),
            (attribute("sum", "double", calculated("sum", NUMBER)), ("property", "properties"), "too_short"),
        ],
    ),
    (
        "only `concat` has a separator",
        [attribute("last", "string", calculated("concat", TEXT, TEXT, separator="-"))],
        [
            (
                attribute("last", "string", calculated("coalesce", TEXT, separator="-")),
                ("property", "separator"),
                "separator_unused",
            )
        ],
    ),
]
