"""Seven tenths of what a server can do, of everything at once, for long: does anything grow?

``make soak`` runs this for twenty minutes, with ``SOAK_SECONDS`` for another time; the tests run it for seconds. What
is kept for a time in a real server is kept for an eighth of the run here, so that keeping and dropping are in balance
from the second quarter on.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import lmdb
from bench.row import percentile

from conftest import Server, eventually
from faults.offered import Beside, Offered, Reads, offer, read
from faults.overload import caught_up, metric
from faults.processes import MB, usages
from faults.series import Tolerance, Verdict, table, verdicts
from faults.traffic import RULE, Subscribers, add_webhook, change_definitions, several_trackers, visits
from process_shop import Shop
from receiver import Receiver

PART = 0.7
CONNECTIONS = 64
READS = 20.0
USERS = 2_000
STORES = ("log", "profiles", "outbox")
TOLERANCES = {
    " MB": Tolerance(0.1, 8),
    " mapped MB": Tolerance(0.25, 32),
    " threads": Tolerance(0, 2),
    " files": Tolerance(0, 16),
    " disk MB": Tolerance(0.15, 8),
    " pages": Tolerance(0.15, 1_000),
    " records": Tolerance(0.2, 2_000),
    "commit ms": Tolerance(0.5, 50),
    "behind s": Tolerance(0.5, 1),
}
COLUMNS = (
    "s", "engine MB", "web MB", "web files", "log disk MB", "log pages", "log records", "profiles disk MB",
    "profiles pages", "outbox pages", "failed disk MB", "commit ms", "behind s",
)  # fmt: skip


class Figures(NamedTuple):
    """What was measured.

    Args:
        capacity: requests a second that the server can do.
        offered: what came of the load.
        reads: reads beside it.
        rows: the samples.
        verdicts: on every series.
        counts: what was done in all, by what it is.
        differences: what was counted, or came, otherwise than it should.
    """

    capacity: float
    offered: Offered
    reads: Reads
    rows: list[dict[str, float]]
    verdicts: list[Verdict]
    counts: dict[str, int]
    differences: list[str]


def settings(horizon: float) -> str:
    """Of a server that keeps nothing for longer than some seconds that can be given up at all."""
    return f"""
[log]
retention_hours = {horizon / 3600}
[engine]
checkpoint_minutes = {horizon / 4 / 60}
sweep_minutes = {horizon / 4 / 60}
duplicate_hours = {horizon / 3600}
cache_keys = 2000
[failed_events]
retention_days = {horizon / 86_400}
[interventions]
keep_minutes = {horizon / 60}
[webhooks]
allow_private = true
"""


class Samples:
    """Looks at a server again and again, from a thread.

    Args:
        server: which.
        every: seconds between two looks.
    """

    def __init__(self, server: Server, every: float) -> None:
        self._server, self._every = server, every
        self.rows: list[dict[str, float]] = []
        self._commits = 0.0, 0.0
        self._stop = threading.Event()
        self._started = time.monotonic()
        # Opened once, as whoever watches a store should: each opening is seen by the store's writers.
        self._stores = {
            name: lmdb.open(str(server.data_dir / name), readonly=True, max_dbs=0, map_size=2**38, readahead=False)
            for name in STORES
        }
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()
        for store in self._stores.values():
            store.close()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.rows.append(self._row())

    def _row(self) -> dict[str, float]:
        row: dict[str, float] = {"s": round(time.monotonic() - self._started)}
        for name, has in sorted(usages(self._server.processes()).items()):
            row |= {f"{name} MB": has.own / MB, f"{name} mapped MB": (has.resident - has.own) / MB}
            row |= {f"{name} threads": has.threads, f"{name} files": has.files}
        for path in self._server.data_dir.iterdir():
            if path.name in STORES or path.suffix == ".sqlite":
                files = path.iterdir() if path.is_dir() else path.parent.glob(f"{path.name}*")
                size = sum(file.stat().st_blocks * 512 for file in files if file.is_file())
                row[f"{path.stem} disk MB"] = size / MB
        for name, store in self._stores.items():
            pages = store.stat()
            row[f"{name} pages"] = pages["branch_pages"] + pages["leaf_pages"] + pages["overflow_pages"]
            row[f"{name} records"] = pages["entries"]
        found = figures_of(self._server)
        commits, seconds = found["snowmelt_engine_commits_total"], found["snowmelt_engine_commit_seconds_total"]
        before, self._commits = self._commits, (commits, seconds)
        if commits > before[0]:
            row["commit ms"] = (seconds - before[1]) / (commits - before[0]) * 1000
        row["behind s"] = found["snowmelt_engine_lag_seconds"]
        return row


def figures_of(server: Server) -> dict[str, float]:
    """All metrics without labels."""
    lines = httpx.get(f"{server.url}/metrics", timeout=60).text.splitlines()
    plain = (line.split() for line in lines if line[0] != "#" and "{" not in line)
    return {name: float(value) for name, value in plain}


def soak(folder: Path, seconds: float) -> Figures:
    """Measure what a new server in a folder can do, then give it seven tenths of that for some seconds."""
    horizon = max(seconds / 8, 1.0)
    users = [str(uuid.UUID(int=number)) for number in range(1, USERS + 1)]
    with ExitStack() as owned:
        server = Server(folder / "data", settings=settings(horizon))
        owned.callback(server.close)
        shop = Shop(server.url, server.token)
        owned.callback(shop.http.close)
        shop.publish()
        server.signals.publish([visits(horizon)])
        answer = shop.http.post("/api/v1/registry/interventions/", json=RULE, headers=shop.auth)
        assert answer.status_code == 201, answer.text
        receiver = owned.enter_context(Receiver())
        add_webhook(server.data_dir, receiver)
        beside = Beside()
        owned.callback(beside.close)
        requests = several_trackers(server.url, users)
        # The first requests are not like the others: code is compiled, files grow.
        first = beside.load(offer, server.url, requests, 32, min(seconds / 20, 10), None)()
        caught_up(server)
        started = time.monotonic()
        base = beside.load(offer, server.url, requests, 32, min(seconds / 20, 10), None)()
        caught_up(server)
        capacity = base.statuses[200] / (time.monotonic() - started)
        subscribers = Subscribers(server.url, users)
        owned.callback(subscribers.close)
        samples = Samples(server, max(seconds / 240, 0.2))
        owned.callback(samples.close)
        load = beside.load(offer, server.url, requests, CONNECTIONS, seconds, capacity * PART)
        reads = beside.read(read, server.url, server.token, users, seconds, READS)
        until, changes = time.monotonic() + seconds, 0
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, max(seconds / 120, 0.5)))
            change_definitions(shop, changes)
            changes += 1
        offered, answers = load(), reads()
        samples.close()
        caught_up(server)
        fired = lambda: sum(server.metrics("snowmelt_interventions_fired_total"))  # noqa: E731
        eventually(lambda: len(receiver.counts) >= fired(), "every message arrives", 120)
        got = shop.read(users)
        differences = [
            f"{user}: {least} acknowledged, {views} counted"
            for user, (views, _, _) in zip(users, got, strict=True)
            if (views or 0) != (least := sum(one.acknowledged[user] for one in (first, base, offered)))
        ]
        if len(receiver.counts) != fired():
            differences.append(f"{fired():,.0f} fired, {len(receiver.counts):,} came to the webhook")
        counts = {
            "events": int(metric(server, "snowmelt_engine_events_total")),
            "failed events": int(sum(server.metrics("snowmelt_failed_events_total"))),
            "fired": int(fired()),
            "received on streams": subscribers.received,
            "posted to the webhook": receiver.counts.total(),
            "definitions changed": changes * 3,
            "profiles swept": int(metric(server, "snowmelt_engine_swept_profiles_total")),
        }
        rows = samples.rows
        judged = verdicts([{name: row[name] for name in row if name != "s"} for row in rows], TOLERANCES)
        return Figures(capacity, offered, answers, rows, judged, counts, differences)


def report(figures: Figures, say: Callable[[str], object] = print) -> None:
    """Print what was measured."""
    offered = figures.offered
    say(f"capacity: {figures.capacity:,.0f} requests/s of several trackers, HTTP to disk to profiles")
    say(
        f"offered: {PART:.0%} of it for {offered.seconds:,.0f} s, {offered.due:,} requests; answered "
        + ", ".join(f"{number:,} x {status}" for status, number in sorted(offered.statuses.items()))
        + f"; kept {offered.kept:,}, {offered.unanswered:,} not answered"
    )
    say("in all: " + ", ".join(f"{number:,} {what}" for what, number in figures.counts.items()))
    waits = [wait * 1000 for wait in figures.reads.waits]
    say(
        f"reads: {len(waits):,}, p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms, "
        f"longest {max(waits):.1f} ms, {len(figures.reads.failed)} failed"
    )
    for line in table(figures.rows, COLUMNS):
        say(line)
    for one in figures.verdicts:
        mark = "GROWS" if one.grows else "flat"
        say(f"{mark:5}  {one.name}: {one.second:,.1f}, then {one.last:,.1f} (at most {one.allowed:,.1f})")
    say(f"compared: {USERS:,} profiles and all messages, {len(figures.differences)} differences")


def main() -> int:
    """Run it, print the figures, and say by the exit status whether all is as it should be."""
    parser = argparse.ArgumentParser(description="Give a server seven tenths of what it can do, for long.")
    parser.add_argument("--seconds", type=float, default=1200.0, help="how long")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="snowmelt-soak-") as folder:
        figures = soak(Path(folder), options.seconds)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.monotonic() - began:.0f} s in all")
    report(figures)
    wrong = figures.differences[:10] + figures.reads.failed[:10]
    wrong += [f"{one.name} grows" for one in figures.verdicts if one.grows]
    for line in wrong:
        print(f"WRONG: {line}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
