"""The engine's values are the oracle's, for drawn definitions, streams, batch cuts and restarts."""

import math
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from drawn import START, events, groups, stamp, times
from snowmelt.compute import state
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import compile_program
from snowmelt.compute.reader import GroupReader
from snowmelt.definitions import AttributeGroup

EXAMPLES = 500


def milliseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // timedelta(milliseconds=1)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9)
    if isinstance(a, list | dict):
        return repr(a) == repr(b)
    return type(a) is type(b) and bool(a == b)


@settings(max_examples=max(EXAMPLES, settings().max_examples))
@given(data=st.data())
def test_values_are_the_oracles(data: st.DataObject) -> None:
    wire = data.draw(groups(), label="group")
    stream = [data.draw(events(number), label="event") for number in range(data.draw(st.integers(0, 12)))]
    arrival = data.draw(st.permutations(stream), label="arrival")
    # Reads come after the events were collected; streams may end long before that, or just now.
    latest = max([START, *(oracle.instant(event["collector_tstamp"]) or 0 for event in stream)])
    now = latest + data.draw(times(10), label="read after")
    group = AttributeGroup.model_validate(wire)
    profiles = applied(group, [msgspec.json.encode(event) for event in arrival], latest, data)

    key_property = group.attribute_key.key_property()
    assert key_property is not None
    judged = {"key_property": key_property.model_dump()}
    reader = GroupReader(group)
    for identifier in {"u1", "u2", "1", "2", "1.0", "add", "true", "never seen", *profiles}:
        values_now = reader.read(state.encode(profiles[identifier]) if identifier in profiles else None, now)
        for attribute, model, value in zip(wire["attributes"], group.attributes or [], values_now, strict=True):
            ttl = model.ttl or group.ttl or group.attribute_key.ttl
            described = attribute | {"period_ms": milliseconds(model.period), "ttl_ms": milliseconds(ttl)}
            expected = oracle.value_of(stream, judged, described, identifier, now)
            assert same(value, expected), (attribute, identifier, value, expected)


def applied(group: AttributeGroup, lines: list[bytes], now: int, data: st.DataObject) -> dict[str, list[Any]]:
    """The profiles after the lines, in drawn batches, with every profile stored and loaded between some."""
    stored: dict[str, bytes] = {}
    program = compile_program([(1, group)])
    cuts = data.draw(st.sets(st.integers(0, len(lines))), label="batch cuts")
    bounds = [0, *sorted(cuts), len(lines)]

    def load(key: str) -> list[Any] | None:
        return state.decode(stored[key]) if key in stored else None

    for first, last in pairwise(bounds):
        profiles = Profiles(len(group.attributes or []), load)
        tally = program.apply(lines[first:last], {1: profiles}, now)
        assert not tally.errors and not tally.unreadable
        stored.update({key: state.encode(profile) for key, profile in profiles.items()})
    return {key: state.decode(profile) for key, profile in stored.items()}


SCOPED = [
    {"type": "double"} | {"name": f"{aggregation}_{lasting}", "aggregation": aggregation} | extra | scope
    for aggregation, extra in (
        ("counter", {}),
        ("sum", {"property": {"type": "atomic", "name": "se_value"}}),
        ("mean", {"property": {"type": "atomic", "name": "se_value"}}),
        ("min", {"property": {"type": "atomic", "name": "se_value"}}),
        ("max", {"property": {"type": "atomic", "name": "se_value"}}),
        ("first", {"property": {"type": "atomic", "name": "se_value"}}),
        ("last", {"property": {"type": "atomic", "name": "se_value"}}),
        ("unique_list", {"type": "double_list", "property": {"type": "atomic", "name": "se_value"}}),
        ("most_frequent", {"property": {"type": "atomic", "name": "se_value"}}),
        ("least_frequent", {"property": {"type": "atomic", "name": "se_value"}}),
        ("category_count", {"type": "dict", "property": {"type": "atomic", "name": "se_value"}}),
        ("approx_count_distinct", {"property": {"type": "atomic", "name": "se_value"}}),
        ("time_since_first", {"time_unit": "s"}),
        ("time_since_last", {"time_unit": "s"}),
    )
    for lasting, scope in (("always", {}), ("period", {"period": "PT256S"}), ("ttl", {"ttl": "PT8S"}))
]
"""Every aggregation in every scope; a tile is a second wide."""


@settings(max_examples=max(EXAMPLES, settings().max_examples))
@given(data=st.data())
def test_time_is_judged_as_the_oracle_does(data: st.DataObject) -> None:
    """One key and no conditions, so that every event matters; times sit on and beside every edge."""
    ticks = st.tuples(st.integers(0, 20), st.sampled_from([0, 0, 0, 1, 999])).map(lambda t: t[0] * 1000 + t[1])
    base = START // 256_000 * 256_000
    drawn = data.draw(st.lists(st.tuples(ticks, st.booleans(), st.integers(-9, 9)), max_size=12), label="events")
    stream = []
    for number, (tick, delayed, value) in enumerate(drawn):
        collector = base + tick + (3000 if delayed else 0)
        stream.append(
            {
                "event_id": f"e{number % 7}{number}",
                "user_id": "u",
                "collector_tstamp": stamp(collector),
                "derived_tstamp": stamp(base + tick),
                "se_value": value,
            }
        )
    arrival = data.draw(st.permutations(stream), label="arrival")
    latest = max([base, *(oracle.instant(event["collector_tstamp"]) or 0 for event in stream)])
    now = latest + data.draw(st.one_of(ticks, ticks.map(lambda tick: 216_000 + tick)), label="read after")
    wire = {
        "name": "scoped",
        "version": 1,
        "owner": "a@example.com",
        "attribute_key": {"name": "user_id"},
        "attributes": SCOPED,
    }
    group = AttributeGroup.model_validate(wire)
    profiles = applied(group, [msgspec.json.encode(event) for event in arrival], latest, data)
    values_now = GroupReader(group).read(state.encode(profiles["u"]) if profiles else None, now)
    for attribute, value in zip(SCOPED, values_now, strict=True):
        lengths = {
            "period_ms": 256_000 if "period" in attribute else None,
            "ttl_ms": 8000 if "ttl" in attribute else None,
        }
        judged = {"key_property": {"type": "atomic", "name": "user_id"}}
        expected = oracle.value_of(stream, judged, attribute | lengths, "u", now)
        assert same(value, expected), (attribute["name"], value, expected)
