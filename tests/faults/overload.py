"""Ten times what a server can do: does it stay within its memory, tell trackers to come back, and serve reads?

``make overload`` runs this for a minute, with ``OVERLOAD_SECONDS`` for another time; the tests run it for seconds.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx
from bench.row import percentile

from conftest import Server
from faults.offered import Beside, Offered, Reads, offer, read, templates
from faults.processes import MB, Usage, usages
from process_shop import Shop

TIMES = 10
"""How many times the sustainable rate is offered."""
EVENTS = 10
"""Events in a request."""
CONNECTIONS = 512
READS = 100.0
"""Reads a second beside it."""
BEHIND_SECONDS = 5.0
"""The limit of what may wait is what the engine does in this time, so that it is met soon."""
SAMPLE_SECONDS = 0.25
MORE_MEMORY = 256
"""MB that the processes may take together, beside what they had: 64 MB of requests that wait for the disk are allowed,
and what each of the connections holds."""
CATCH_UP_SECONDS = 300.0


class Figures(NamedTuple):
    """What was measured.

    Args:
        sustainable: events a second from HTTP to the profiles, if no more are sent than that.
        alone: reads while nothing else was done.
        limit: ``collector.max_lag_bytes``.
        offered: what came of the load.
        reads: reads beside it.
        before: what the server's processes had before.
        most: what they had at most, each by itself.
        waiting: the most bytes that waited for the engine.
        caught_up: seconds after the load until the engine had done everything.
        profiles: how many were compared.
        differences: profiles whose count is not what was acknowledged, as far as is known what was.
    """

    sustainable: float
    alone: Reads
    limit: int
    offered: Offered
    reads: Reads
    before: dict[str, Usage]
    most: dict[str, Usage]
    waiting: float
    caught_up: float
    profiles: int
    differences: list[str]


class Sampler:
    """Looks at a server again and again.

    Args:
        server: which.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.most: dict[str, Usage] = {}
        self.waiting = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        pids = self._server.processes()
        while not self._stop.wait(SAMPLE_SECONDS):
            for name, now in usages(pids).items():
                before = self.most.get(name, now)
                self.most[name] = Usage(*(max(pair) for pair in zip(before, now, strict=True)))
            self.waiting = max(self.waiting, metric(self._server, "snowmelt_engine_lag_bytes"))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def metric(server: Server, name: str) -> float:
    """The value of a metric without labels, of a server that may be slow to answer."""
    lines = httpx.get(f"{server.url}/metrics", timeout=60).text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def caught_up(server: Server, seconds: float = CATCH_UP_SECONDS) -> float:
    """Wait until the engine has done everything, and say how long that took."""
    started = time.monotonic()
    while metric(server, "snowmelt_engine_position") < metric(server, "snowmelt_log_head"):
        assert time.monotonic() - started < seconds, f"the engine has not caught up within {seconds:g} s"
        time.sleep(0.02)
    return time.monotonic() - started


def overload(
    folder: Path,
    seconds: float,
    measuring: float,
    connections: int = CONNECTIONS,
    behind: float = BEHIND_SECONDS,
) -> Figures:
    """Measure for some seconds what a new server in a folder can do, then offer it ten times as much.

    Args:
        folder: for its data.
        seconds: how long to offer it.
        measuring: how long to measure before.
        connections: of trackers.
        behind: how far the engine may be behind, in seconds of what it can do.
    """
    users = [str(uuid.UUID(int=number)) for number in range(1, 1_001)]
    server = Server(folder / "data")
    beside = Beside()
    try:
        shop = Shop(server.url, server.token)
        shop.publish()
        requests = templates(server.url, users, EVENTS)
        size = sum(map(len, requests[0].pieces))
        # The first seconds are not like the others: code is compiled, files grow.
        first = beside.load(offer, server.url, requests, 32, measuring / 2, None)()
        caught_up(server)
        started = time.monotonic()
        base = beside.load(offer, server.url, requests, 32, measuring, None)()
        caught_up(server)
        sustainable = base.statuses[200] * EVENTS / (time.monotonic() - started)
        alone = beside.read(read, server.url, server.token, users, measuring / 2, READS)()
        limit = int(sustainable / EVENTS * size * behind)
        server.stop()
        (server.data_dir / "snowmelt.toml").write_text(f"[collector]\nmax_lag_bytes = {limit}\n")
        server.start()
        before = usages(server.processes())
        sampler = Sampler(server)
        try:
            load = beside.load(offer, server.url, requests, connections, seconds, sustainable / EVENTS * TIMES)
            reads = beside.read(read, server.url, server.token, users, seconds, READS)()
            offered = load()
            waited = caught_up(server)
        finally:
            sampler.close()
        got = shop.read(users)
        loads = (first, base, offered)
        differences = []
        for user, (_, count, _) in zip(users, got, strict=True):
            least = sum(one.acknowledged[user] for one in loads)
            if (count or 0) != least:
                differences.append(f"{user}: {least} acknowledged, {count} counted")
        shop.http.close()
        return Figures(
            sustainable,
            alone,
            limit,
            offered,
            reads,
            before,
            sampler.most,
            sampler.waiting,
            waited,
            len(users),
            differences,
        )
    finally:
        beside.close()
        server.close()


def total(found: dict[str, Usage]) -> float:
    """The memory of all processes of their own, in MB."""
    return sum(one.own for one in found.values()) / MB


def report(figures: Figures, say: Callable[[str], object] = print) -> None:
    """Print what was measured."""
    offered, statuses = figures.offered, figures.offered.statuses
    sent = statuses.total() + offered.unanswered
    say(f"sustainable: {figures.sustainable:,.0f} events/s, {EVENTS} a request, HTTP to disk to profiles")
    say(
        f"offered: {offered.due:,} requests in {offered.seconds:.1f} s, "
        f"{offered.due * EVENTS / offered.seconds / figures.sustainable:.1f} times as much; "
        f"sent {sent:,} ({sent * EVENTS / offered.seconds / figures.sustainable:.1f} times), "
        f"kept {offered.kept:,} because every connection waited for an answer"
    )
    retries = sorted(offered.retries)
    say(
        "answered: "
        + ", ".join(f"{number:,} x {status}" for status, number in sorted(statuses.items()))
        + f", {offered.unanswered:,} not at all; Retry-After "
        + (f"{retries[0]} to {retries[-1]} s" if retries else "never")
    )
    say(
        f"acknowledged: {statuses[200] * EVENTS:,} events, {statuses[200] * EVENTS / offered.seconds:,.0f}/s; "
        f"p50 {percentile(offered.waits, 50) * 1000:.0f} ms, p99 {percentile(offered.waits, 99) * 1000:.0f} ms"
    )
    for what, found in (("reads before", figures.alone), ("reads beside", figures.reads)):
        waits = [wait * 1000 for wait in found.waits]
        say(
            f"{what}: {len(waits):,}, p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms, "
            f"longest {max(waits):.1f} ms, {len(found.failed)} failed"
        )
    say(
        f"memory of its own: {total(figures.before):.0f} MB before, at most {total(figures.most):.0f} MB: "
        + ", ".join(f"{name} {one.own / MB:.0f}" for name, one in sorted(figures.most.items()))
    )
    say(f"with the mapped pages of the stores: {sum(one.resident for one in figures.most.values()) / MB:.0f} MB")
    say(f"waited for the engine: at most {figures.waiting / MB:.0f} MB, the limit is {figures.limit / MB:.0f} MB")
    say(f"caught up: {figures.caught_up:.1f} s after the last request")
    say(f"compared: {figures.profiles:,} profiles, {len(figures.differences)} differences")


def main() -> int:
    """Run it, print the figures, and say by the exit status whether all is as it should be."""
    parser = argparse.ArgumentParser(description="Offer a server ten times as much as it can do.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="of trackers")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="snowmelt-overload-") as folder:
        figures = overload(Path(folder), options.seconds, min(options.seconds / 4, 10.0), options.connections)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.monotonic() - began:.0f} s in all")
    report(figures)
    wrong = figures.differences[:10] + figures.reads.failed[:10]
    if percentile(figures.reads.waits, 99) >= 0.05:
        wrong.append("the slowest reads in a hundred took 50 ms and more")
    if total(figures.most) > total(figures.before) + MORE_MEMORY:
        wrong.append(f"the memory grew by more than {MORE_MEMORY} MB")
    if not figures.offered.retries or 0 in figures.offered.retries:
        wrong.append("trackers were not told to come back")
    for line in wrong:
        print(f"WRONG: {line}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
