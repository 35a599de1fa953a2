"""The engine's values are the oracle's, for drawn definitions, streams, batch cuts and restarts."""

import math
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from drawn import HOUR, START, event_logs, events, groups, stamp, times
from snowmelt.compute import state
from snowmelt.compute.event_log_plan import EventLogPlan
from snowmelt.compute.event_log_reader import EventLogReader
from snowmelt.compute.plan import GroupPlan
from snowmelt.compute.profiles import Load
from snowmelt.compute.program import compile_program
from snowmelt.compute.reader import GroupReader
from snowmelt.compute.seen_events import SeenEvents
from snowmelt.definitions import AttributeGroup, EventLog

EXAMPLES = 250


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
    """Of several groups at once, each with a key of its own."""
    wires = data.draw(st.lists(groups(), min_size=1, max_size=2), label="groups")
    stream = [data.draw(events(number), label="event") for number in range(data.draw(st.integers(0, 12)))]
    arrival = data.draw(st.permutations(stream), label="arrival")
    counted = oracle.counted_once(arrival)
    # Reads come after the events were collected; streams may end long before that, or just now.
    latest = max([START, *(oracle.instant(event["collector_tstamp"]) or 0 for event in stream)])
    now = latest + data.draw(times(10), label="read after")
    definitions = [AttributeGroup.model_validate(wire) for wire in wires]
    stored = applied(definitions, [msgspec.json.encode(event) for event in arrival], latest, data)

    for wire, group, profiles in zip(wires, definitions, stored, strict=True):
        key_property = group.attribute_key.key_property()
        assert key_property is not None
        judged = {"key_property": key_property.model_dump()}
        reader = GroupReader(group)
        for identifier in {"u1", "u2", "1", "2", "1.0", "add", "true", "never seen", *profiles}:
            values_now = reader.read(profiles.get(identifier), now)
            for attribute, model, value in zip(wire["attributes"], group.attributes or [], values_now, strict=True):
                ttl = model.ttl or group.ttl or group.attribute_key.ttl
                described = attribute | {"period_ms": milliseconds(model.period), "ttl_ms": milliseconds(ttl)}
                expected = oracle.value_of(counted, judged, described, identifier, now)
                assert same(value, expected), (attribute, identifier, value, expected)


def applied(
    groups: list[AttributeGroup], lines: list[bytes], now: int, data: st.DataObject, logs: Sequence[EventLog] = ()
) -> list[dict[str, bytes]]:
    """The stored profiles of each group and log after the lines, in drawn batches, nothing in memory between them."""
    program = compile_program(enumerate(groups, 1), enumerate(logs, len(groups) + 1))
    stored: dict[int, dict[str, bytes]] = {plan.state_id: {} for plan in program.kept}
    ids = b""
    cuts = data.draw(st.sets(st.integers(0, len(lines))), label="batch cuts")
    bounds = [0, *sorted(cuts), len(lines)]
    for first, last in pairwise(bounds):
        profiles = program.fresh_profiles()
        for plan in program.kept:
            profiles[plan.state_id].load = loader(plan, stored)
        seen = SeenEvents(horizon_ms=86_400_000)
        seen.restore(now, ids)
        tally = program.apply(lines[first:last], profiles, now, seen)
        assert not tally.errors and not tally.unreadable
        ids += seen.take_fresh()
        for state_id, changed in profiles.items():
            stored[state_id].update({key: state.encode(changed[key]) for key in changed.touched})
    return list(stored.values())


def loader(plan: GroupPlan | EventLogPlan, stored: dict[int, dict[str, bytes]]) -> Load:
    def load(key: str) -> list[Any] | None:
        kept = stored[plan.state_id].get(key)
        return None if kept is None else plan.decode(kept)

    return load


@settings(max_examples=max(EXAMPLES, settings().max_examples))
@given(data=st.data())
def test_contexts_are_the_oracles(data: st.DataObject) -> None:
    """Of several logs at once, beside a group that the same events update."""
    wires = data.draw(st.lists(event_logs(), min_size=1, max_size=2), label="logs")
    beside = [AttributeGroup.model_validate(wire) for wire in data.draw(st.lists(groups(), max_size=1), label="group")]
    instants = st.one_of(times(1), times(1), st.integers(0, 12).map(lambda step: step * HOUR // 8))
    stream = []
    for number in range(data.draw(st.integers(0, 12))):
        collector = START + data.draw(instants)
        near = {
            "collector_tstamp": stamp(collector),
            "derived_tstamp": stamp(collector + data.draw(st.sampled_from([0, 0, -1, -1000, -7000, HOUR]))),
            "domain_sessionid": data.draw(st.sampled_from(["s1", "s1", "s1", "s2", "", None, 7, "é" * 257])),
        }
        stream.append(data.draw(events(number), label="event") | near)
    arrival = data.draw(st.permutations(stream), label="arrival")
    latest = max([START, *(oracle.instant(event["collector_tstamp"]) or 0 for event in stream)])
    definitions = [EventLog.model_validate(wire) for wire in wires]
    lines = [msgspec.json.encode(event) for event in arrival]
    stored = applied(beside, lines, latest, data, definitions)[len(beside) :]

    for later in data.draw(st.lists(instants, min_size=1, max_size=3), label="read after"):
        now = latest + later
        for wire, log, profiles in zip(wires, definitions, stored, strict=True):
            for identifier in ("s1", "s2", "7", "", "é" * 257, "never seen"):
                shown = [event.values for event in EventLogReader(log).read(profiles.get(identifier), now)]
                expected = oracle.context_of(oracle.counted_once(arrival), wire, identifier, now)
                assert repr(shown) == repr(expected), (identifier, shown, expected)


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
        ("count_distinct", {"property": {"type": "atomic", "name": "se_value"}}),
        ("stddev", {"property": {"type": "atomic", "name": "se_value"}}),
        ("percentile", {"percentile": 75, "property": {"type": "atomic", "name": "se_value"}}),
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
    (profiles,) = applied([group], [msgspec.json.encode(event) for event in arrival], latest, data)
    values_now = GroupReader(group).read(profiles.get("u"), now)
    for attribute, value in zip(SCOPED, values_now, strict=True):
        lengths = {
            "period_ms": 256_000 if "period" in attribute else None,
            "ttl_ms": 8000 if "ttl" in attribute else None,
        }
        judged = {"key_property": {"type": "atomic", "name": "user_id"}}
        expected = oracle.value_of(stream, judged, attribute | lengths, "u", now)
        assert same(value, expected), (attribute["name"], value, expected)
