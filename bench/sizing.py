"""What a server of some cores and web processes can do, and what an event takes of the disk."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from bench.load import http_request, load
from bench.row import Row, rate_row, spread
from bench.server import JSON, LONGEST, READ, TP2, USERS, payload
from bench.start import resident
from snowmelt.demo.tutorial import tutorial_group, tutorial_service
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.testing import Server

SETUPS = ((1, 1), (2, 1), (2, 2))
"""Cores that the server's processes may use, and web processes."""
SECONDS, RUNS = 3.0, 3


def run(folder: Path) -> list[Row]:
    """All rows, from a server of its own for each set-up that this machine has the cores for."""
    rows = []
    for cores, workers in SETUPS:
        if cores <= len(os.sched_getaffinity(0)):
            with only_cores(cores):
                server = Server(folder / f"{cores}-{workers}", options=("--workers", str(workers)))
                server.start()
            try:
                rows += measured(server, f"{cores} core{'s' * (cores > 1)}, {workers} worker{'s' * (workers > 1)}")
            finally:
                server.close()
    return rows


@contextmanager
def only_cores(number: int) -> Iterator[None]:
    """Processes that are started meanwhile stay on the first cores that there are."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:number])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measured(server: Server, setup: str) -> list[Row]:
    """The rows of one server."""
    server.signals.publish([tutorial_group(), tutorial_service()])
    rows = [Row(f"{setup}: memory when idle", f"{resident(server.process.pid):.0f} MB")]
    for events, what in ((1, "one event"), (10, "ten events")):
        requests = [http_request("POST", server.url, TP2, payload(events), JSON) for _ in range(200)]
        before, rates, sent = log_bytes(server), [], 0
        for _ in range(RUNS):
            started = perf_counter()
            done = load(server.url, requests, seconds=SECONDS)
            assert not done.failed, "a request was not acknowledged"
            server.flush(LONGEST)
            rates.append(done.requests * events / (perf_counter() - started))
            sent += done.requests * events
        size = (log_bytes(server) - before) / sent
        beside = f"{size / 1024:.1f} KB of the log's disk an event, of {len(requests[0]) / events / 1024:.1f} KB sent"
        rows.append(rate_row(f"{setup}: {what} a POST, HTTP to profiles", spread(rates), "events", beside))
    headers = JSON | {"Authorization": f"Bearer {server.token}"}
    asked = [
        json.dumps({"service": tutorial_service().name, "attribute_keys": {"domain_userid": [user]}}).encode()
        for user in USERS
    ]
    reads = [http_request("POST", server.url, READ, body, headers) for body in asked]
    figures = [load(server.url, reads, seconds=SECONDS).rate for _ in range(RUNS)]
    return [*rows, rate_row(f"{setup}: reads of one identifier", spread(figures), "requests")]


def log_bytes(server: Server) -> int:
    """What the event log has on the disk."""
    return DataDir(server.data_dir).sizes()["log"]
