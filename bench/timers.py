"""A million pending timers: what they take, what they cost the engine's other work, and how late they fire.

A real server works on events that this process writes into its log. Beside it, on the same events, a server without
the intervention.
"""

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from bench.memory import LINES_PER_RECORD, user
from bench.row import Row, percentile
from snowmelt.definitions import Attribute, InterventionCriterion, RuleIntervention, StreamAttributeGroup, user_id
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.profiles import ProfileReader, ProfileStore
from snowmelt.testing import Server

PENDING = 1_000_000
RETURNING = 300_000
"""Events that put off timers which are set."""

TOGETHER = 10_000
"""Timers that fall due in the same second."""

ROUNDS = 3
HOUR_MS = 3_600_000
QUIET_MS = 2 * HOUR_MS
"""How long a user must be quiet. The events of the first load are up to an hour old: the timers fall due between one
and two hours after it, long after the benchmark has ended."""

AHEAD_MS = 15_000
"""So long before they fall due the events of a round are written."""

IDLE_SECONDS = 20.0
STEADY_RATE = 1_000
LONGEST = 600.0


class Measured(NamedTuple):
    """What a server showed.

    Args:
        rates: events a second that set timers, and that put them off; without the intervention the same events.
        idle: share of a core that the engine takes when nothing comes.
        own: MB that the engine's process has for itself, and has resident, with everything loaded.
        stored: bytes of a compact copy of the profile store.
    """

    rates: tuple[float, float]
    idle: float
    own: tuple[float, float]
    stored: int


def run(folder: Path) -> list[Row]:
    """All rows, from two servers in a folder."""
    plain, _ = measured(folder / "plain", timers=False)
    timed, waits = measured(folder / "timed", timers=True)
    rows = [
        Row(
            f"a timer on the disk, mean of {PENDING:,}",
            f"{(timed.stored - plain.stored) / PENDING:,.0f} bytes",
            "",
            f"in a compact copy; a profile of one attribute takes {plain.stored / PENDING:,.0f}",
        ),
        Row(
            f"the engine's own memory with {PENDING:,} timers",
            f"{timed.own[0]:,.0f} MB",
            "",
            f"without {plain.own[0]:,.0f} MB; RSS {timed.own[1]:,.0f} MB, without {plain.own[1]:,.0f}",
        ),
        Row(
            f"the engine's share of a core when idle, {PENDING:,} timers",
            f"{timed.idle * 100:.2f} %",
            "",
            f"without {plain.idle * 100:.2f} %",
        ),
    ]
    for what, with_timers, without in zip(
        ("each sets one", "each puts one off"), timed.rates, plain.rates, strict=True
    ):
        beside = f"{with_timers / without * 100:.0f} % of the {without:,.0f} events/s without timers"
        rows.append(Row(f"events of random users, {what}", f"{with_timers:,.0f} events/s", "", beside))
    for what, found in waits.items():
        rows.append(
            Row(
                f"from the instant until it is in the outbox, {TOGETHER:,} in the same second, {what}",
                f"p50 {percentile(found, 50):,.0f} ms, p99 {percentile(found, 99):,.0f} ms",
                f"{min(found):,.0f} - {max(found):,.0f} ms",
                f"{ROUNDS} rounds",
                "<= 1,000 ms",
            )
        )
    return rows


def measured(folder: Path, *, timers: bool) -> tuple[Measured, dict[str, list[float]]]:
    """What a server of its own shows, and how late timers were."""
    waits: dict[str, list[float]] = {}
    with Engine(folder, timers=timers) as engine:
        rng = random.Random(1)
        started = now_ms()
        first = list(range(PENDING))
        rng.shuffle(first)
        setting = engine.rate(lines((user(one), started - rng.randrange(HOUR_MS)) for one in first))
        returning = engine.rate(lines((user(rng.randrange(PENDING)), now_ms()) for _ in range(RETURNING)))
        own, idle = engine.memory(), engine.idle()
        if timers:
            waits["nothing else to do"] = engine.rounds("idle")
            with engine.steadily():
                waits[f"{STEADY_RATE:,} events/s beside"] = engine.rounds("busy")
    return Measured((setting, returning), idle, own, compact_size(folder)), waits


class Engine:
    """The engine of a server, given its work through the log.

    Args:
        folder: the server's data folder.
        timers: whether the intervention is published.
    """

    def __init__(self, folder: Path, *, timers: bool) -> None:
        self._folder, self._timers = folder, timers
        self._open = ExitStack()

    def __enter__(self) -> Self:
        server = self._open.enter_context(Server(self._folder))
        group = StreamAttributeGroup(
            name="shop",
            attribute_key=user_id,
            owner="bench@example.com",
            attributes=[
                Attribute(name="quiet", type="double", aggregation="time_since_last", time_unit="min", events=[])
            ],
        )
        criteria = InterventionCriterion(attribute="shop:quiet", operator=">=", value=QUIET_MS / 60_000)
        abandoned = RuleIntervention(
            name="abandoned", owner="bench@example.com", target_attribute_keys=[user_id], criteria=criteria
        )
        server.signals.publish([group, abandoned] if self._timers else [group])
        server.flush()
        data = DataDir(server.data_dir)
        self._pid = engine_process(server.data_dir)
        self._log, self._bell = EventLog(data.log), Bell(data.bell)
        self._profiles, self._outbox = ProfileReader(data.profiles), Outbox(data.outbox)
        for opened in (self._log, self._bell, self._profiles, self._outbox):
            self._open.callback(opened.close)
        self._writing = threading.Lock()
        return self

    def __exit__(self, *raised: object) -> None:
        self._open.close()

    def write(self, events: Iterable[bytes]) -> None:
        """Put events into the log, and say so."""
        records = records_of(events)
        while batch := [(Kind.EVENTS, now_ms(), record) for record in islice(records, 100)]:
            with self._writing:
                self._log.append(batch)
        self._bell.ring()

    def rate(self, events: Iterable[bytes]) -> float:
        """Events a second, from the log to committed profiles; the engine is held until all are in the log."""
        before = self._log.head()
        os.kill(self._pid, signal.SIGSTOP)
        try:
            self.write(events)
        finally:
            os.kill(self._pid, signal.SIGCONT)
        started = time.perf_counter()
        self._settle()
        return (self._log.head() - before) * LINES_PER_RECORD / (time.perf_counter() - started)

    def idle(self) -> float:
        """The share of a core that it takes when nothing comes."""
        before = processor_seconds(self._pid)
        time.sleep(IDLE_SECONDS)
        return (processor_seconds(self._pid) - before) / IDLE_SECONDS

    def memory(self) -> tuple[float, float]:
        """What it has for itself, and what is resident, in MB."""
        lines = Path(f"/proc/{self._pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = {name: int(size.split()[0]) / 1024 for name, size in (line.split(":") for line in lines)}
        return sizes["Anonymous"], sizes["Rss"]

    def rounds(self, name: str) -> list[float]:
        """How many ms after its instant each of some timers has its firing in the outbox; they share one second."""
        waits: list[float] = []
        for number in range(ROUNDS):
            place, second = self._outbox.head(), now_ms() + AHEAD_MS
            due = {f"{name}-{number}-{one}": second + one * 1_000 // TOGETHER for one in range(TOGETHER)}
            self.write(lines((who, at - QUIET_MS) for who, at in due.items()))
            deadline = time.monotonic() + LONGEST
            while due and time.monotonic() < deadline:
                for delivery in self._outbox.read(place):
                    place = delivery.place
                    waits.append(now_ms() - due.pop(delivery.targets[0][1]))
                time.sleep(0.002)
            assert not due, f"{len(due)} timers did not fire"
            assert min(waits) >= 0, "a timer fired too early"
        return waits

    @contextmanager
    def steadily(self) -> Iterator[None]:
        """Have events come in at a steady rate meanwhile."""
        stop, rng = threading.Event(), random.Random(2)

        def write() -> None:
            while not stop.wait(LINES_PER_RECORD / STEADY_RATE):
                self.write(lines((user(rng.randrange(PENDING)), now_ms()) for _ in range(LINES_PER_RECORD)))

        thread = threading.Thread(target=write)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _settle(self) -> None:
        deadline = time.monotonic() + LONGEST
        while self._profiles.position() < self._log.head():
            assert time.monotonic() < deadline, "the engine does not get on"
            time.sleep(0.002)


def lines(events: Iterable[tuple[str, int]]) -> Iterator[bytes]:
    """An event for each user and instant (ms since the epoch), as a line of the log."""
    for who, at in events:
        happened = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
        yield msgspec.json.encode(
            {"event_id": f"{who} {at}", "event_name": "page_view", "user_id": who, "collector_tstamp": happened}
        )


def records_of(events: Iterable[bytes]) -> Iterator[bytes]:
    """Events, some in a record."""
    following = iter(events)
    while record := b"\n".join(islice(following, LINES_PER_RECORD)):
        yield record


def now_ms() -> int:
    """The time, ms since the epoch."""
    return time.time_ns() // 1_000_000


def engine_process(data_dir: Path) -> int:
    """The process id of the engine of a server."""
    supervisor = (data_dir / "server.lock").read_text().strip()
    for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        if b"snowmelt.runtimes.engine_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise ProcessLookupError("the server has no engine")


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor."""
    fields: Sequence[str] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compact_size(folder: Path) -> int:
    """Bytes of a compact copy of a stopped server's profile store; the folder is removed."""
    copy = folder.parent / f"{folder.name}-copy"
    copy.mkdir()
    store = ProfileStore(DataDir(folder).profiles)
    store.copy(copy)
    store.close()
    size = (copy / "data.mdb").stat().st_size
    for done in (folder, copy):
        shutil.rmtree(done)
    return size
