"""What reading one attribute costs, from the stored profile to the value: each aggregation, in the states it gets.

The states grow from events as they do in the engine. Beside each stands decoding the same profile alone.
"""

import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.groups import PRICE, SKU, group_of
from bench.row import Row, repeated
from snowmelt.compute import state
from snowmelt.compute.instant import format_instant
from snowmelt.compute.plan import AGGREGATIONS, plan_group
from snowmelt.compute.program import Program
from snowmelt.compute.reader import GroupReader
from snowmelt.compute.scopes import TILES
from snowmelt.definitions import AttributeGroup
from snowmelt.demo.workload import PRODUCT, shop_events

RUNS, SECONDS = 5, 0.02
TILE = 337_500
NOW = 5_000_000 * TILE + TILE // 2
"""In the middle of a tile, so that the oldest one of the period is still half inside."""


class Shape(NamedTuple):
    """What a profile went through.

    Args:
        name: for the table.
        period: whether the attribute has one, of a day.
        tiles: how many tiles, counted back from now, have events.
        events: in each of them.
        values: how many different ones there are at most.
        budget: for the read, in µs.
    """

    name: str
    period: bool
    tiles: int
    events: int
    values: int
    budget: str


LIFETIME = Shape("all time, 100 events", False, 25, 4, 20, "")
WINDOW = Shape(f"a day, {TILES + 1} tiles of 4 events", True, TILES + 1, 4, 20, "<= 200 µs")
CROWDED = Shape(f"a day, {TILES + 1} tiles of 100 values", True, TILES + 1, 100, 5_000, "<= 200 µs")


def run(folder: Path) -> list[Row]:
    """All rows; the folder is not needed."""
    rows = []
    gc.disable()
    try:
        lifetime, window, crowded = grown(LIFETIME), grown(WINDOW), grown(CROWDED)
        rows += [row(name, LIFETIME, *grown_state) for name, grown_state in lifetime.items()]
        rows += [row(name, WINDOW, *grown_state) for name, grown_state in window.items()]
        # Where more values make no larger state, the window of few says it all.
        collecting = [name for name, (_, stored) in crowded.items() if len(stored) > 1.2 * len(window[name][1])]
        rows += [row(name, CROWDED, *crowded[name]) for name in collecting]
    finally:
        gc.enable()
    return rows


def grown(shape: Shape) -> dict[str, tuple[AttributeGroup, bytes]]:
    """For each aggregation a group of one attribute, and the stored profile of somebody with such a history."""
    names = list(AGGREGATIONS)
    plans = [plan_group(group_for(name, shape), number) for number, name in enumerate(names, 1)]
    program = Program(plans)
    profiles = program.fresh_profiles()
    tally = program.apply([b"\n".join(history(shape))], profiles, NOW)
    assert not tally.errors, tally.errors[0]
    found = {}
    for name, plan in zip(names, plans, strict=True):
        [profile] = profiles[plan.state_id].values()
        value = plan.attributes[0].keeps.result(profile[1], NOW)
        found[name] = (group_for(name, shape, type_of(value)), state.encode(profile))
    group, stored = found["counter"]
    assert GroupReader(group).read(stored, NOW) == [shape.tiles * shape.events], "not all tiles are live"
    return found


def history(shape: Shape) -> list[bytes]:
    """Events of one visitor that fill the newest tiles, oldest first."""
    products = [event[PRODUCT] for event in shop_events(2 * shape.values, 1) if PRODUCT in event][: shape.values]
    lines = []
    for number in range(shape.tiles * shape.events):
        tile = NOW // TILE - shape.tiles + 1 + number // shape.events
        stamp = format_instant(min(tile * TILE + number % shape.events * 1_000, NOW))
        event = {"event_id": f"e{number}", "domain_userid": "u", "derived_tstamp": stamp, "collector_tstamp": stamp}
        lines.append(msgspec.json.encode(event | {PRODUCT: products[number * 7 % len(products)]}))
    return lines


def group_for(name: str, shape: Shape, kind: str = "string") -> AttributeGroup:
    """A group whose one attribute is of this aggregation, over the products' prices or names."""
    takes = AGGREGATIONS[name].takes
    attribute: dict[str, Any] = {"name": "a", "type": kind, "aggregation": name, "events": []}
    if takes != "event":
        attribute["property"] = PRICE if takes == "number" else SKU
    if name.startswith("time_since_"):
        attribute["time_unit"] = "s"
    if shape.period:
        attribute["period"] = "P1D"
    return group_of("reads", [attribute])


def type_of(value: Any) -> str:
    """A type that a result can be served as."""
    return {str: "string", list: "string_list", dict: "dict", int: "int64"}.get(type(value), "double")


def row(name: str, shape: Shape, group: AttributeGroup, stored: bytes) -> Row:
    """The cost of a read, beside decoding."""
    reader, decode = GroupReader(group), plan_group(group).decode
    [value] = reader.read(stored, NOW)
    assert value is not None, f"{name} has no value"
    least, median, greatest = repeated(RUNS, lambda: microseconds(lambda: reader.read(stored, NOW)))
    decoding = statistics.median(microseconds(lambda: decode(stored)) for _ in range(RUNS))
    beside = f"{median / decoding:.1f} x decoding; {len(stored):,} bytes"
    return Row(f"{name}, {shape.name}", f"{median:,.1f} µs", f"{least:,.1f} - {greatest:,.1f}", beside, shape.budget)


def microseconds(work: Callable[[], object]) -> float:
    """The mean of a call, over some hundredths of a second."""
    calls, seconds = 0, 0.0
    while seconds < SECONDS:
        started = time.perf_counter()
        for _ in range(10):
            work()
        seconds += time.perf_counter() - started
        calls += 10
    return seconds / calls * 1e6
