"""What ``snowmelt bench`` measures: the stores and the engine themselves, without HTTP."""

import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from snowmelt.cli.checks import sync_milliseconds
from snowmelt.cli.errors import CommandError
from snowmelt.compute.plan import plan_group
from snowmelt.compute.program import Program
from snowmelt.compute.reader import GroupReader
from snowmelt.demo.tutorial import tutorial_group
from snowmelt.demo.workload import shop_lines
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.engine import Engine
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.profiles import ProfileReader, ProfileStore

LINES_PER_RECORD = 500
EVENTS_PER_USER = 20
READS = 100_000
SYNCS = 100
STATE_ID = 1


class Rate(NamedTuple):
    """Something that was measured.

    Args:
        what: in a few words.
        rate: how often a second.
        is_yardstick: whether it is decoding alone, which the others are compared with.
    """

    what: str
    rate: float
    is_yardstick: bool = False


def measure(folder: Path, count: int) -> Iterator[Rate]:
    """Measure everything, in the order in which an event meets it.

    Args:
        folder: an empty folder on the disk that matters.
        count: of the events.

    Raises:
        CommandError: the engine did not count every event, so that the rates would mean nothing.
    """
    yield Rate("synced writes to the disk", 1000 / sync_milliseconds(folder, SYNCS))
    data = DataDir(folder)
    users = max(count // EVENTS_PER_USER, 1)
    lines = shop_lines(count, users)
    yield Rate("events decoded, nothing else", count / _seconds_to_decode(lines), is_yardstick=True)
    with closing(EventLog(data.log)) as log:
        yield Rate("events appended to the event log", count / _seconds_to_append(log, lines))
        yield Rate("events applied and committed", count / _seconds_to_apply(data, log, count))
    yield Rate("profiles read", READS / _seconds_to_read(data, lines))


def _seconds_to_decode(lines: list[bytes]) -> float:
    decode = Program([plan_group(tutorial_group(), STATE_ID)]).projection.decode
    started = time.perf_counter()
    for line in lines:
        decode(line)
    return time.perf_counter() - started


def _seconds_to_append(log: EventLog, lines: list[bytes]) -> float:
    now = time.time_ns() // 1_000_000
    group = {"state_id": STATE_ID, "published": True, "group": tutorial_group().to_wire()}
    log.append([(Kind.DEFINITIONS, now, msgspec.json.encode({"revision": 1, "groups": [group]}))])
    started = time.perf_counter()
    for start in range(0, len(lines), LINES_PER_RECORD):
        log.append([(Kind.EVENTS, now, b"\n".join(lines[start : start + LINES_PER_RECORD]))])
    return time.perf_counter() - started


def _seconds_to_apply(data: DataDir, log: EventLog, count: int) -> float:
    with closing(ProfileStore(data.profiles)) as store, closing(FailedEvents(data.failed_events)) as failed:
        engine = Engine(log=log, store=store, failed=failed, enricher=Enricher())
        started = time.perf_counter()
        while engine.step():
            pass
        seconds = time.perf_counter() - started
        if engine.statistics.events != count:
            raise CommandError(f"the engine counted {engine.statistics.events} of {count} events")
    return seconds


def _seconds_to_read(data: DataDir, lines: list[bytes]) -> float:
    rng = random.Random(1)
    ids = [msgspec.json.decode(line)["domain_userid"].encode() for line in rng.choices(lines, k=1_000)]
    chosen = rng.choices(ids, k=READS)
    reader = GroupReader(tutorial_group())
    with closing(ProfileReader(data.profiles)) as profiles:
        now = time.time_ns() // 1_000_000
        started = time.perf_counter()
        for identifier in chosen:
            reader.read(profiles.get([(STATE_ID, identifier)])[0], now)
        return time.perf_counter() - started
