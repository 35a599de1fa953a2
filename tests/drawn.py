"""Definitions and events as hypothesis draws them: what meets what often enough, and every edge."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

SHOP = {"vendor": "com.example-shop", "name": "action", "major_version": 1}
ITEM = {"vendor": "com.example-shop", "name": "item", "major_version": 2}
START = int(datetime(2024, 2, 28, 22, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000

LONG = "l" * 1_001
"""Too long for the aggregations that keep many values."""

texts = st.sampled_from(
    [LONG, "", "add", "ADD", "view", "50% off", "a_b", "日本語 €", "2024-02-29T00:00:00Z", "3", "true"]
)
numbers = st.one_of(
    st.sampled_from([0, 1, -1, 3, 2**31, 2**63, -(2**63) - 1, 10**30, 0.0, 1.0, 0.1, 0.2, 1e300, -1e300, 5e-324]),
    st.integers(-5, 5),
    st.floats(-1e6, 1e6, allow_nan=False),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.one_of(scalars, scalars, scalars, st.just([1, 2]), st.just({"a": 1}))

leaf_properties = st.one_of(
    st.sampled_from(
        ["user_id", "se_value", "page_urlpath", "derived_tstamp", "domain_sessionidx", "br_cookies", "geo_latitude"]
    ).map(lambda name: {"type": "atomic", "name": name}),
    st.sampled_from(["type", "$.nested.value", "list[1]", "list[0].x", "nested"]).map(
        lambda path: {"type": "event", **SHOP, "path": path}
    ),
    st.tuples(st.sampled_from(["price", "deep.x"]), st.integers(0, 2)).map(
        lambda drawn: {"type": "entity", **ITEM, "path": drawn[0], "index": drawn[1]}
    ),
)
dated = st.builds(
    lambda part, prop: prop | {"date_part": part},
    st.sampled_from(["active_day", "active_week", "active_month", "hour_of_day", "day_of_week", "month_of_year"]),
    st.sampled_from(
        [
            {"type": "atomic", "name": "derived_tstamp"},
            {"type": "event", **SHOP, "path": "type"},
            {"type": "entity", **ITEM, "path": "price", "index": "*"},
        ]
    ),
)
every_entity = st.sampled_from(["price", "deep.x", "deep"]).map(
    lambda path: {"type": "entity", **ITEM, "path": path, "index": "*"}
)
calculated = st.builds(
    lambda operation, parts, separator: {
        "type": "calculated",
        "operation": operation,
        "properties": parts,
        **({"separator": separator} if operation == "concat" else {}),
    },
    st.sampled_from(["concat", "sum", "product", "min", "max", "coalesce"]),
    st.lists(leaf_properties, min_size=2, max_size=3),
    st.sampled_from(["", "-"]),
)
properties = st.one_of(leaf_properties, leaf_properties, every_entity, dated, calculated)


@st.composite
def criteria(draw: st.DrawFn) -> dict[str, Any]:
    prop = draw(properties)
    operator = draw(st.sampled_from(["=", "!=", "<", ">", "<=", ">=", "like", "in", "is null", "is not null"]))
    operand = st.one_of(texts, numbers.filter(lambda n: abs(n) < 2**63), st.booleans())
    test: dict[str, Any] = {"property": prop, "operator": operator}
    if operator == "in":
        test["value"] = draw(st.lists(texts, min_size=1, max_size=3))
    elif operator == "like":
        test["value"] = draw(st.sampled_from(["%", "a%", "50\\% %", "a\\_b", "_dd", "%語%", "ADD"]))
    elif not operator.startswith("is"):
        test["value"] = draw(operand)
    return test


versions = st.sampled_from(["1-0-0", "1-0-1"])
named = {"name": st.sampled_from(["action", "page_view"]), "vendor": st.sampled_from(["com.example-shop", "other"])}
by_specification = st.just({"event_specification_id": "spec-1"})
entries = st.one_of(st.fixed_dictionaries({}, optional={**named, "version": versions}), by_specification)


@st.composite
def attributes(draw: st.DrawFn, number: int) -> dict[str, Any]:
    aggregation = draw(
        st.sampled_from(
            [
                *["counter", "sum", "min", "max", "mean", "first", "last", "time_since_last", "time_since_first"],
                *["unique_list", "most_frequent", "least_frequent", "category_count", "approx_count_distinct"],
                *["percentile", "stddev", "count_distinct"],
            ]
        )
    )
    attribute: dict[str, Any] = {"name": f"a{number}", "aggregation": aggregation}
    if aggregation == "counter":
        attribute["type"] = draw(st.sampled_from(["int32", "int64", "double"]))
    elif aggregation.startswith("time_since"):
        attribute |= {"type": "double", "time_unit": draw(st.sampled_from(["s", "min", "h", "d"]))}
    else:
        attribute["property"] = draw(properties)
        numeric = ["int32", "int64", "float", "double"]
        if aggregation in ("min", "max"):
            numeric += ["timestamp", "unix_timestamp"]
        if aggregation in ("first", "last", "most_frequent", "least_frequent"):
            numeric += ["string", "bool", "bytes", "timestamp", "unix_timestamp"]
        if aggregation == "unique_list":
            numeric = [f"{name}_list" for name in (*numeric, "string", "bool", "bytes", "unix_timestamp")]
        if aggregation == "category_count":
            numeric = ["dict"]
        if aggregation == "percentile":
            attribute["percentile"] = draw(st.sampled_from([0, 5, 33.3, 50, 75, 99.9, 100]))
        attribute["type"] = draw(st.sampled_from(numeric))
    attribute["events"] = draw(st.lists(entries, max_size=2))
    sides = {side: draw(st.lists(criteria(), max_size=2)) for side in draw(st.sets(st.sampled_from(["all", "any"])))}
    if sides:
        attribute["criteria"] = sides
    lasting = draw(st.sampled_from([None, None, "period", "ttl"]))
    if lasting:
        seconds = draw(st.sampled_from([1, 7, 60, 3600, 36_000, 86_400]))
        attribute[lasting] = f"PT{seconds}S"
    if draw(st.booleans()):
        attribute["default_value"] = draw(st.sampled_from([-7, 0, 0.5, "none", "", False, ["a", "b"], [1]]))
    return attribute


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 4))
    key = draw(
        st.sampled_from(
            [
                {"name": "user_id"},
                {"name": "sessions", "key": "domain_sessionidx"},
                {"name": "by_type", "property": {"type": "event", **SHOP, "path": "type"}},
                {"name": "by_item", "property": {"type": "entity", **ITEM, "path": "price"}},
            ]
        )
    )
    group: dict[str, Any] = {
        "name": "drawn",
        "version": 1,
        "owner": "a@example.com",
        "attribute_key": key,
        "attributes": [draw(attributes(number)) for number in range(count)],
    }
    if draw(st.booleans()):
        group["ttl"] = "PT2H"
    if draw(st.booleans()):
        group["attribute_key"] = key | {"ttl": "PT3H"}
    return group


@st.composite
def event_logs(draw: st.DrawFn) -> dict[str, Any]:
    major = st.fixed_dictionaries({"major_version": st.sampled_from([1, 2])}, optional=named)
    selections = []
    for _ in range(draw(st.integers(1, 3))):
        kept = draw(st.lists(leaf_properties, min_size=1, max_size=4))
        for number, prop in enumerate(kept):
            if prop.get("name") != "derived_tstamp" or draw(st.booleans()):
                kept[number] = prop | {"output_name": f"p{draw(st.integers(0, 9))}{number}"}
        # Two that are called the same are refused when a log is registered.
        unlike = {prop.get("output_name", "derived_tstamp"): prop for prop in kept}
        selections.append({"event": draw(st.one_of(entries, major)), "properties": list(unlike.values())})
    return {
        "name": "drawn",
        "attribute_key": {"name": "domain_sessionid"},
        "events": selections,
        "max_events": draw(st.integers(1, 6)),
        "max_age_seconds": draw(st.sampled_from([1, 7, 1800, 3600])),
    }


def stamp(ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def times(hours: int) -> st.SearchStrategy[int]:
    """Spans in ms that often meet each other, and the edges of periods and TTLs, exactly or nearly."""
    grid = st.one_of(
        st.integers(0, hours).map(lambda count: count * HOUR),
        st.integers(0, 6).map(lambda count: count * 1000),
    )
    return st.one_of(grid, grid, st.tuples(grid, st.sampled_from([1, 999])).map(sum), st.integers(0, hours * HOUR))


@st.composite
def events(draw: st.DrawFn, number: int) -> dict[str, Any]:
    # Around a leap day, and now and then 59 days before: around a new year.
    collector = START + draw(times(30)) - draw(st.sampled_from([0, 0, 0, 59 * 24 * HOUR]))
    offset = draw(st.one_of(st.just(0), times(30).map(lambda late: -late), st.just(10**11)))  # late, and clocks ahead
    is_action = draw(st.booleans())
    event: dict[str, Any] = {
        # Now and then an event is sent again, or another has its id.
        "event_id": f"e{number if draw(st.integers(0, 7)) else draw(st.integers(0, number))}",
        "collector_tstamp": stamp(collector),
        "derived_tstamp": stamp(collector + offset),
        "event_name": "action" if is_action else "page_view",
        "event_vendor": "com.example-shop" if is_action else draw(st.sampled_from(["other", "third"])),
        "event_version": draw(st.sampled_from(["1-0-0", "1-0-1"])),
        "user_id": draw(st.sampled_from(["u1", "u2", "", None, "é" * 257])),
        "se_value": draw(numbers),
        "page_urlpath": draw(texts),
        "br_cookies": draw(st.one_of(st.booleans(), st.none())),
        "geo_latitude": draw(st.sampled_from([None, 59.5, -0.25, 1e-7])),
        "domain_sessionidx": draw(st.one_of(st.integers(1, 2), st.none())),
    }
    if draw(st.integers(0, 9)) == 0:
        del event["derived_tstamp"]
    if is_action:
        event["unstruct_event_com_example_shop_action_1"] = draw(
            st.one_of(
                st.fixed_dictionaries(
                    {"type": values},
                    optional={
                        "nested": st.one_of(values, st.fixed_dictionaries({"value": values})),
                        "list": st.one_of(values, st.lists(st.one_of(values, st.just({"x": 3})), max_size=3)),
                    },
                ),
                values,
            )
        )
    if draw(st.booleans()):
        item = st.fixed_dictionaries({}, optional={"price": values, "deep": st.one_of(values, st.just({"x": 1.5}))})
        event["contexts_com_example_shop_item_2"] = draw(
            st.one_of(st.lists(st.one_of(item, item, st.none()), max_size=3), st.none())
        )
    if draw(st.integers(0, 3)) == 0:
        event["contexts_com_snowplowanalytics_snowplow_event_specification_1"] = [
            {"id": draw(st.sampled_from(["spec-1", "spec-2"]))}
        ]
    return event


@st.composite
def rules(draw: st.DrawFn, names: list[str], number: int, keys: list[str]) -> dict[str, Any]:
    """An intervention over some of the attributes, for some of the keys."""
    operand = st.one_of(st.integers(-2, 4), st.sampled_from([0.5, 1e6]), texts, st.booleans())

    @st.composite
    def leaves(draw: st.DrawFn) -> dict[str, Any]:
        operator = draw(
            st.sampled_from(
                [
                    *["=", "!=", "<", ">", "<=", ">=", ">", ">=", "like", "not like", "rlike", "not rlike"],
                    *["in", "not in", "is null", "is not null"],
                ]
            )
        )
        leaf: dict[str, Any] = {"attribute": draw(st.sampled_from(names)), "operator": operator}
        if operator in ("in", "not in"):
            leaf["value"] = draw(st.lists(texts, min_size=1, max_size=2) | st.lists(st.integers(0, 3), min_size=1))
        elif operator.endswith("rlike"):
            leaf["value"] = draw(st.sampled_from(["a", "^A", "o.f", "d$", "(x|b)"]))
        elif operator.endswith("like"):
            leaf["value"] = draw(st.sampled_from(["%", "a%", "50\\% %", "_dd"]))
        elif not operator.startswith("is"):
            leaf["value"] = draw(operand)
        return leaf

    tree = draw(
        st.recursive(
            leaves(),
            lambda parts: st.builds(
                lambda grouping, several: {grouping: several},
                st.sampled_from(["all", "any", "none"]),
                st.lists(parts, min_size=1, max_size=3),
            ),
            max_leaves=4,
        )
    )
    if draw(st.integers(0, 4)) == 0:
        change = {"attribute": draw(st.sampled_from(names)), "operator": "changed"}
        tree = draw(st.sampled_from([change, {"all": [change, tree]}]))
    groups = sorted({name.split(":")[0] for name in names})
    rule: dict[str, Any] = {
        "name": f"rule{number}",
        "version": 1,
        "owner": "a@example.com",
        "is_published": True,
        "criteria": tree,
        "target_attribute_keys": draw(
            st.lists(st.sampled_from([{"name": key} for key in keys]), min_size=1, unique_by=lambda key: key["name"])
        ),
    }
    if draw(st.booleans()):
        rule["payload_attribute_groups"] = [{"name": draw(st.sampled_from(groups)), "version": 1}]
    return rule


@st.composite
def restless_groups(draw: st.DrawFn) -> dict[str, Any]:
    """Groups whose values come and go."""
    value = {"property": {"type": "atomic", "name": "se_value"}, "type": "double", "aggregation": "last", "events": []}
    text = {"property": {"type": "atomic", "name": "page_urlpath"}, "type": "string"}
    seconds = draw(st.sampled_from([1, 7, 3600]))
    return {
        "version": 1,
        "owner": "a@example.com",
        "attribute_key": draw(st.sampled_from([{"name": "user_id"}, {"name": "sessions", "key": "domain_sessionidx"}])),
        "attributes": [
            {"name": "value", **value},
            {"name": "brief", **value, "ttl": f"PT{seconds}S"},
            {"name": "path", **text, "aggregation": "last", "events": []},
            {"name": "few", "type": "int32", "aggregation": "counter", "events": [], "period": f"PT{seconds}S"},
            {
                "name": "quiet",
                "type": "double",
                "aggregation": "time_since_last",
                "time_unit": "s",
                "events": [{"name": "action"}],
            },
        ],
    }
