"""The engine on one core: enriched JSON lines to committed profiles, for the tutorial's three attributes.

Beside it, in the same run and on the same lines: decoding alone, and what one would write by hand
(`orjson.loads`, dicts in memory, nothing stored).
"""

import gc
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import orjson

from bench.row import Row, rate_row, repeated
from snowmelt.compute.plan import plan_group
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import Program
from snowmelt.definitions import AttributeGroup
from snowmelt.demo.tutorial import ECOMMERCE, tutorial_group
from snowmelt.demo.workload import ACTION, PRODUCT, shop_lines
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.engine import Engine
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.profiles import ProfileReader, ProfileStore

EVENTS, USERS, RUNS = 200_000, 50_000, 5
LINES_PER_RECORD = 100


def run(folder: Path) -> list[Row]:
    """All rows, from a folder for the stores."""
    lines = shop_lines(EVENTS, USERS)
    gc.disable()  # as in the engine's process
    try:
        everywhere = [wide_group(number) for number in range(100)]
        apart = [wide_group(number, skus=range(50 * number, 50 * number + 50)) for number in range(100)]
        decoding = repeated(RUNS, lambda: rate(lambda: decode(lines)))
        by_hand = repeated(RUNS, lambda: rate(lambda: hand_written(lines)))
        program = Program([plan_group(tutorial_group(), 1)])
        chunks = [b"\n".join(lines[at : at + LINES_PER_RECORD]) for at in range(0, EVENTS, LINES_PER_RECORD)]
        in_memory = repeated(RUNS, lambda: rate(lambda: apply(program, chunks, program.fresh_profiles())))
        profiles = program.fresh_profiles()
        again = repeated(RUNS, lambda: rate(lambda: apply(program, chunks, profiles)))
        committed = repeated(RUNS, lambda: through_engine(folder, lines, [tutorial_group()]))
        crowded = repeated(3, lambda: through_engine(folder, lines, apart))
        flooded = repeated(3, lambda: through_engine(folder, lines[:3_000], everywhere))
        strangers = repeated(3, lambda: through_engine(folder, lines, [tutorial_group(), *others(1_000)]))
    finally:
        gc.enable()
    return [
        rate_row("decoding alone, projected", decoding, "events"),
        rate_row("orjson.loads and dicts in memory, by hand", by_hand, "events", share(by_hand, decoding)),
        rate_row("Program.apply in memory, users seen before", again, "events", share(again, decoding)),
        rate_row("Program.apply in memory, new users", in_memory, "events", share(in_memory, decoding)),
        rate_row(
            "event log to committed profiles",
            committed,
            "events",
            f"{share(committed, decoding)}; {committed[1] / by_hand[1]:.1f} x by hand",
            ">= 300,000 events/s, >= 50 % of decoding",
        ),
        rate_row(
            "100 groups of 10 attributes, each event concerns one group",
            crowded,
            "events",
            share(crowded, decoding),
            ">= 60,000 events/s",
        ),
        rate_row(
            "100 groups of 10 attributes, each event concerns all of them",
            flooded,
            "events",
            f"{flooded[1] * 100:,.0f} profiles updated a second",
        ),
        rate_row(
            "the tutorial's, and 1,000 attributes of other events",
            strangers,
            "events",
            f"{strangers[1] / committed[1] * 100:.0f} % of the tutorial's alone",
        ),
    ]


def share(part: tuple[float, float, float], whole: tuple[float, float, float]) -> str:
    """How the medians compare."""
    return f"{part[1] / whole[1] * 100:.0f} % of decoding"


def rate(work: Callable[[], object]) -> float:
    """Events a second of work on all events."""
    started = time.perf_counter()
    work()
    return EVENTS / (time.perf_counter() - started)


def decode(lines: list[bytes]) -> None:
    """Decode, and nothing else."""
    decode_line = Program([plan_group(tutorial_group(), 1)]).projection.decode
    for line in lines:
        decode_line(line)


def hand_written(lines: list[bytes]) -> dict[str, list[float]]:
    """What one writes in ten minutes: no versions, no nulls, no storage."""
    profiles: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for line in lines:
        event = orjson.loads(line)
        if event["event_name"] == "snowplow_ecommerce_action":
            kind = event[ACTION]["type"]
            if kind == "product_view":
                profiles[event["domain_userid"]][0] += 1
            elif kind == "add_to_cart":
                profile = profiles[event["domain_userid"]]
                profile[1] += 1
                profile[2] += event[PRODUCT][0]["price"]
    return profiles


def apply(program: Program, chunks: list[bytes], profiles: Mapping[int, Profiles]) -> None:
    """The program, without a store."""
    program.apply(chunks, profiles, now=time.time_ns() // 1_000_000)


def through_engine(
    folder: Path,
    lines: list[bytes],
    groups: list[AttributeGroup],
    check: Callable[[ProfileReader], None] = lambda stored: None,
) -> float:
    """Events a second from the log to the committed profiles.

    Args:
        folder: for the stores.
        lines: the events; the log is written before the clock starts.
        groups: what is published; their state ids count from 1.
        check: looks at what was stored, after the clock has stopped.
    """
    data = DataDir(folder / "engine")
    now = time.time_ns() // 1_000_000
    log = EventLog(data.log)
    entries = [
        {"state_id": number, "published": True, "group": group.to_wire()} for number, group in enumerate(groups, 1)
    ]
    log.append([(Kind.DEFINITIONS, now, msgspec.json.encode({"revision": 1, "groups": entries}))])
    for start in range(0, len(lines), LINES_PER_RECORD):
        log.append([(Kind.EVENTS, now, b"\n".join(lines[start : start + LINES_PER_RECORD]))])
    store, failed = ProfileStore(data.profiles), FailedEvents(data.failed_events)
    engine = Engine(log=log, store=store, failed=failed, enricher=Enricher())
    engine.step()  # the definitions
    started = time.perf_counter()
    while engine.step():
        pass
    seconds = time.perf_counter() - started
    assert engine.statistics.events == len(lines)
    assert not engine.statistics.errors
    for opened in (store, failed, log):
        opened.close()
    reader = ProfileReader(data.profiles)
    check(reader)
    reader.close()
    shutil.rmtree(data.path)
    return len(lines) / seconds


def wide_group(number: int, skus: range | None = None) -> AttributeGroup:
    """Ten attributes of every kind over the shop's events, of some products only if they are given."""
    tutorial = tutorial_group().to_wire()
    views, carts, total = tutorial["attributes"]
    url = {"type": "atomic", "name": "page_urlpath"}
    named: dict[str, Any] = {"events": [{"name": "page_view"}]}
    if skus:
        sku = {"type": "entity", "vendor": ECOMMERCE, "name": "product", "major_version": 1, "path": "id"}
        chosen = {"property": sku, "operator": "in", "value": [f"SKU-{sku}" for sku in skus]}
        for attribute in (views, carts, total):
            attribute["criteria"]["all"].append(chosen)
        pages = {"property": url, "operator": "in", "value": [f"/products/{sku}" for sku in skus]}
        named["criteria"] = {"all": [pages]}
    attributes: list[dict[str, Any]] = [
        views,
        carts,
        total,
        carts | {"name": "carts_1h", "period": "PT1H"},
        total | {"name": "spent_1d", "period": "P1D"},
        total | {"name": "dearest", "aggregation": "max"},
        total | {"name": "mean_price", "aggregation": "mean"},
        {"name": "pages", "type": "int32", "aggregation": "counter", **named},
        {"name": "first_page", "type": "string", "aggregation": "first", "property": url, **named},
        {"name": "last_page", "type": "string", "aggregation": "last", "property": url, "ttl": "P30D", **named},
    ]
    return AttributeGroup.model_validate(tutorial | {"name": f"wide_{number}", "attributes": attributes})


def others(count: int) -> list[AttributeGroup]:
    """Groups of ten attributes over events that never come."""
    tutorial = tutorial_group().to_wire()
    return [
        AttributeGroup.model_validate(
            tutorial
            | {
                "name": f"other_{number}",
                "attributes": [
                    {
                        "name": f"a{index}",
                        "type": "int32",
                        "aggregation": "counter",
                        "events": [{"name": f"e{number}_{index}"}],
                    }
                    for index in range(10)
                ],
            }
        )
        for number in range(count // 10)
    ]
