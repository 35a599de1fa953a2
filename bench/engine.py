"""The engine on one core: enriched JSON lines to committed profiles, for the tutorial's three attributes.

Beside it, in the same run and on the same lines: decoding alone, and what one would write by hand
(`orjson.loads`, dicts in memory, nothing stored).
"""

import gc
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import orjson

from bench.groups import mixed_group, strange_groups, unmet_numbers, unmet_texts
from bench.row import Row, rate_row, repeated, spread
from snowmelt.compute.instant import parse_instant
from snowmelt.compute.plan import plan_group
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import Program
from snowmelt.definitions import AttributeGroup, RuleIntervention
from snowmelt.definitions.intervention import criteria_of
from snowmelt.demo.tutorial import tutorial_group
from snowmelt.demo.workload import ACTION, PRODUCT, shop_lines
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.dispatch import Dispatch
from snowmelt.runtimes.engine import Engine
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.profiles import ProfileReader, ProfileStore

EVENTS, USERS, RUNS = 200_000, 50_000, 5
ATTRIBUTES = 1_000
LINES_PER_RECORD = 100


def run(folder: Path) -> list[Row]:
    """All rows, from a folder for the stores."""
    lines = shop_lines(EVENTS, USERS)
    gc.disable()  # as in the engine's process
    try:
        everywhere = [mixed_group(number) for number in range(100)]
        apart = [mixed_group(number, skus=range(50 * number, 50 * number + 50)) for number in range(100)]
        decoding = repeated(RUNS, lambda: rate(lambda: decode(lines)))
        by_hand = repeated(RUNS, lambda: rate(lambda: hand_written(lines)))
        program = Program([plan_group(tutorial_group(), 1)])
        chunks = records_of(lines)
        in_memory = repeated(RUNS, lambda: rate(lambda: apply(program, chunks, program.fresh_profiles())))
        profiles = program.fresh_profiles()
        again = repeated(RUNS, lambda: rate(lambda: apply(program, chunks, profiles)))
        committed = repeated(RUNS, lambda: through_engine(folder, lines, [tutorial_group()]))
        crowded = repeated(3, lambda: through_engine(folder, lines, apart))
        flooded = repeated(3, lambda: through_engine(folder, lines[:3_000], everywhere))
        unmet = [
            extra_row(folder, lines, "of other events", strange_groups(ATTRIBUTES)),
            extra_row(folder, lines, "of the same events, asking for other texts", unmet_texts(ATTRIBUTES)),
            extra_row(
                folder, lines[: EVENTS // 10], "of the same events, asking for numbers", unmet_numbers(ATTRIBUTES)
            ),
        ]
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
        *unmet,
    ]


def share(part: tuple[float, float, float], whole: tuple[float, float, float]) -> str:
    """How the medians compare."""
    return f"{part[1] / whole[1] * 100:.0f} % of decoding"


def extra_row(folder: Path, lines: list[bytes], what: str, groups: list[AttributeGroup]) -> Row:
    """What attributes cost that are published beside the tutorial's and that no event ever updates."""
    alone, together = [], []
    for _ in range(3):
        alone.append(through_engine(folder, lines, [tutorial_group()]))
        together.append(through_engine(folder, lines, [tutorial_group(), *groups]))
    usual, extended = max(alone), max(together)  # the least disturbed, because their difference is small
    nanoseconds = (1 / extended - 1 / usual) / ATTRIBUTES * 1e9
    return rate_row(
        f"the tutorial's, and {ATTRIBUTES:,} attributes {what}",
        spread(together),
        "events",
        f"{extended / usual * 100:.0f} % of the tutorial's alone; {nanoseconds:.2f} ns an attribute and event",
    )


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
    rules: Sequence[RuleIntervention] = (),
    before: Sequence[bytes] = (),
) -> float:
    """Events a second from the log to the committed profiles.

    The clock starts once the log is written and the first record is applied, for which the code is compiled.

    Args:
        folder: for the stores.
        lines: the events; the engine's clock stands at the time of the last one, so that periods hold them.
        groups: what is published; their state ids count from 1.
        check: looks at what was stored, after the clock has stopped.
        rules: interventions that are published, too; they read version 1 of each group.
        before: events that are applied before the clock starts.
    """
    data = DataDir(folder / "engine")
    now = parse_instant(msgspec.json.decode(lines[-1])["derived_tstamp"]) or 0
    log, store, failed = EventLog(data.log), ProfileStore(data.profiles), FailedEvents(data.failed_events)
    outbox = Outbox(data.outbox)
    dispatch = Dispatch(store, outbox, Mailboxes(data.mailboxes))
    engine = Engine(log=log, store=store, failed=failed, enricher=Enricher(), dispatch=dispatch, clock=lambda: now)
    entries = [
        {"state_id": number, "published": True, "group": group.to_wire()} for number, group in enumerate(groups, 1)
    ]
    published = [
        {
            "state_id": number,
            "targets": [key.name for key in rule.target_attribute_keys or ()],
            "sources": {one.attribute: 1 for one in criteria_of(rule.criteria)},
            "intervention": rule.to_wire(),
        }
        for number, rule in enumerate(rules, len(groups) + 1)
    ]
    definitions = {"revision": 1, "groups": entries, "interventions": published}
    log.append([(Kind.DEFINITIONS, now, msgspec.json.encode(definitions))])
    engine.step()
    for record in records_of(before):
        log.append([(Kind.EVENTS, now, record)])
    while engine.step():
        pass
    records = records_of(lines)
    log.append([(Kind.EVENTS, now, records[0])])
    engine.step()
    for record in records[1:]:
        log.append([(Kind.EVENTS, now, record)])
    started = time.perf_counter()
    while engine.step():
        pass
    seconds = time.perf_counter() - started
    assert engine.statistics.events == len(before) + len(lines)
    assert not engine.statistics.errors
    for opened in (outbox, store, failed, log):
        opened.close()
    reader = ProfileReader(data.profiles)
    check(reader)
    reader.close()
    shutil.rmtree(data.path)
    return (len(lines) - LINES_PER_RECORD) / seconds


def records_of(lines: Sequence[bytes]) -> list[bytes]:
    """Events as they stand in the log, some in a record."""
    return [b"\n".join(lines[at : at + LINES_PER_RECORD]) for at in range(0, len(lines), LINES_PER_RECORD)]
