"""What a million keys of ten attributes take: in the profile store, and in the memory of the engine's process.

The engine runs in a process of its own, with its usual cache; this one writes the log and asks it how it is.
"""

import gc
import multiprocessing
import random
import re
import time
import uuid
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.groups import usual_group
from bench.row import Row
from snowmelt.compute.instant import parse_instant
from snowmelt.demo.workload import ACTION, PRODUCT, shop_events
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.engine import Engine
from snowmelt.runtimes.logs import configure_logs
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.profiles import ProfileReader, ProfileStore

STAGES = (100_000, 500_000, 1_000_000)
"""So many keys there are at the end of each stage."""

AT_ONCE = 100_000
"""Keys whose events are mixed with each other."""

LINES_PER_RECORD = 100
READ = {
    "event_id",
    "domain_userid",
    "derived_tstamp",
    "collector_tstamp",
    "event_name",
    "page_urlpath",
    ACTION,
    PRODUCT,
}
"""What the attributes read of an event. The log holds no more, because here it is only the way in."""

SOMEBODY, SOME_EVENT = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
"""Stand in the events for what differs each time."""


class Stage(NamedTuple):
    """How the engine was during some work.

    Args:
        events: how many it applied.
        seconds: how long that took.
        longest: the seconds of the longest step.
        collecting: the seconds that looking for garbage took afterwards, as the engine does when it is idle.
        memory: the lines of ``/proc/self/smaps_rollup`` when it held most of its own, in MB.
    """

    events: int
    seconds: float
    longest: float
    collecting: float
    memory: dict[str, float]

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def run(folder: Path) -> list[Row]:
    """All rows, from a folder for the stores."""
    data = DataDir(folder / "memory")
    log = EventLog(data.log)
    events = Events()
    entries = [{"state_id": 1, "published": True, "group": usual_group().to_wire()}]
    log.append([(Kind.DEFINITIONS, events.now, msgspec.json.encode({"revision": 1, "groups": entries}))])
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(data.path, events.now, there), daemon=True)
    process.start()
    stages = [settled(here)]  # with the definitions, and no events yet
    for before, keys in zip((0, *STAGES), STAGES, strict=False):
        for start in range(before, keys, AT_ONCE):
            write(log, events.of_new(range(start, min(start + AT_ONCE, keys))))
        stages.append(settled(here))
    write(log, events.of_any(AT_ONCE * 3, STAGES[-1]))
    returning = settled(here)
    here.send(False)
    process.join()
    assert process.exitcode == 0, "the engine's process failed"
    log.close()
    return [*store_rows(data, folder / "copy"), *memory_rows(stages, returning)]


class Events:
    """Makes events of any visitor, three for each: a view, a cart, a page view."""

    def __init__(self) -> None:
        self._rng = random.Random(1)
        self._number = 0
        self._kinds: dict[object, list[list[bytes]]] = {}
        for event in shop_events(3_000, 1):
            action = event.get(ACTION)
            kept = {name: value for name, value in event.items() if name in READ}
            text = msgspec.json.encode(kept | {"domain_userid": SOMEBODY, "event_id": SOME_EVENT}).decode()
            # The two texts that differ each time stand between the three that do not.
            parts = re.split(f"({SOMEBODY}|{SOME_EVENT})", text)
            self._kinds.setdefault(action and action["type"], []).append([part.encode() for part in parts])
            self.now = parse_instant(event["derived_tstamp"]) or 0

    def of_new(self, numbers: range) -> Iterator[bytes]:
        """The three events of each of these visitors, in random order."""
        wanted = [(visitor, kind) for visitor in map(user, numbers) for kind in self._kinds]
        self._rng.shuffle(wanted)
        return (self._line(visitor, kind) for visitor, kind in wanted)

    def of_any(self, count: int, visitors: int) -> Iterator[bytes]:
        """Events of random visitors."""
        kinds = list(self._kinds)
        return (self._line(user(self._rng.randrange(visitors)), self._rng.choice(kinds)) for _ in range(count))

    def _line(self, visitor: str, kind: object) -> bytes:
        self._number += 1
        samples = self._kinds[kind]
        parts = samples[self._number % len(samples)]
        texts = {SOMEBODY.encode(): visitor.encode(), SOME_EVENT.encode(): b"%036d" % self._number}
        return b"".join([texts.get(part, part) for part in parts])


def user(number: int) -> str:
    """The id of a visitor."""
    return str(uuid.UUID(bytes=blake2b(number.to_bytes(8, "big"), digest_size=16).digest()))


def write(log: EventLog, lines: Iterator[bytes]) -> None:
    """Put events into the log, some records at once."""
    records = iter(lambda: b"\n".join(islice(lines, LINES_PER_RECORD)), b"")
    while batch := [(Kind.EVENTS, 0, record) for record in islice(records, 100)]:
        log.append(batch)


def settled(engine: Connection) -> Stage:
    """Have the engine apply what is in the log."""
    engine.send(True)
    answer = engine.recv()
    assert isinstance(answer, Stage)
    return answer


def work(path: Path, now: int, asked: Connection) -> None:
    """The engine's process: applies the log whenever it is asked, and says how it is then."""
    configure_logs("warning")
    data = DataDir(path)
    log, store, failed = EventLog(data.log), ProfileStore(data.profiles), FailedEvents(data.failed_events)
    # Ids of events are not remembered: how many there are depends on the events of a day, not on the keys.
    engine = Engine(log=log, store=store, failed=failed, enricher=Enricher(), duplicate_hours=0, clock=lambda: now)
    gc.disable()  # as in the engine's own process, which collects when it is idle
    while asked.recv():
        before, samples, steps = engine.statistics.events, [], [0.0]
        busy = True
        while busy:
            started = time.perf_counter()
            busy = engine.step()
            steps.append(time.perf_counter() - started)
            samples.append(memory())  # after each step, because the cache fills up and empties again
        started = time.perf_counter()
        gc.collect()
        collecting = time.perf_counter() - started
        fullest = max(samples, key=lambda sample: sample["Anonymous"])
        asked.send(Stage(engine.statistics.events - before, sum(steps), max(steps), collecting, fullest))
    assert not engine.statistics.errors
    for opened in (store, failed, log):
        opened.close()


def memory() -> dict[str, float]:
    """What this process holds, by kind, in MB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(size.split()[0]) / 1024 for name, size in (line.split(":") for line in lines)}


def store_rows(data: DataDir, copy: Path) -> list[Row]:
    """What a key takes in the profile store."""
    keys = STAGES[-1]
    copy.mkdir()
    store = ProfileStore(data.profiles)
    store.copy(copy)
    store.close()
    reader = ProfileReader(data.profiles)
    encoded = 0
    for start in range(0, keys, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, keys))
        profiles = reader.get((1, user(number).encode()) for number in numbers)
        assert all(profiles), "a key has no profile"
        encoded += sum(len(profile) for profile in profiles if profile)
    reader.close()
    compact = (copy / "data.mdb").stat().st_size
    present = (data.profiles / "data.mdb").stat().st_size
    return [
        Row(f"stored profile of 10 attributes, mean of {keys:,} keys", f"{encoded / keys:,.0f} bytes"),
        Row(
            "its share of a compact copy of the store",
            f"{compact / keys:,.0f} bytes",
            "",
            f"{compact / encoded:.1f} x the profiles; the store itself has {present / compact:.1f} x the copy's size",
        ),
    ]


def memory_rows(stages: list[Stage], returning: Stage) -> list[Row]:
    """What the engine's process holds as the keys become more, and whether it stays as fast."""
    rows = []
    for number, (keys, stage) in enumerate(zip((0, *STAGES), stages, strict=True)):
        own = stage.memory["Anonymous"]
        beside = f"RSS {stage.memory['Rss']:,.0f} MB, PSS {stage.memory['Pss']:,.0f} MB with the stores' pages"
        if number > 1:
            beside = f"{own / stages[number - 1].memory['Anonymous']:.2f} x the row above; {beside}"
        budget = "<= 1.2 x: no more than the caches" if keys == STAGES[-1] else ""
        rows.append(Row(f"the engine's own memory, at most, up to {keys:,} keys", f"{own:,.0f} MB", "", beside, budget))
    first = stages[1]
    for what, stage in (
        (f"the first {STAGES[0]:,} keys, three events each", first),
        (f"the last {STAGES[-1] - STAGES[-2]:,} keys", stages[-1]),
        (f"events of random ones of {STAGES[-1]:,} keys", returning),
    ):
        beside = f"{stage.rate / first.rate * 100:.0f} % of the first; longest step {stage.longest * 1000:,.0f} ms"
        rows.append(Row(what, f"{stage.rate:,.0f} events/s", "", beside))
    rows.append(Row("looking for garbage with full caches, when idle", f"{returning.collecting * 1000:,.0f} ms"))
    return rows
