"""Many open streams of interventions on one web process: how soon a push arrives, and what a stream takes."""

import asyncio
import gc
import multiprocessing
import os
import re
import resource
import time
import uuid
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httpx
import uvloop

from bench.row import Row, percentile
from snowmelt.testing import Server

STREAMS = (1_000, 10_000)
RATE, SECONDS = 200, 15.0
OTHER_FILES = 600
"""Open files that neither the server nor the load generator has for streams."""
PER_ADDRESS = 5_000
"""Connections from one address of this machine: the ports of one are soon used up."""
NAME = re.compile(rb'"name":"(\d+)"')


class Arrivals(NamedTuple):
    """What came of the pushes.

    Args:
        waits: from before a push until a subscriber had it, in seconds.
        expected: how many should have come.
        memory: of the web process beside what it had without streams, in bytes.
        opening: seconds that it took to open all streams.
    """

    waits: list[float]
    expected: int
    memory: float
    opening: float


class _Stream(asyncio.Protocol):
    """One subscriber; notes when each push arrives."""

    def __init__(
        self, request: bytes, opened: asyncio.Future[None], waits: list[float], sent: dict[int, float]
    ) -> None:
        self._request, self._opened, self._waits, self._sent = request, opened, waits, sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self._opened.done():
            self._opened.set_result(None)
        # Nothing else is pushed to it for seconds, and what is pushed is small: a name is never cut in two.
        self._waits += [now - self._sent[int(number)] for number in NAME.findall(data)]

    def connection_lost(self, error: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(ConnectionError("the server took no more streams"))


def run(folder: Path) -> list[Row]:
    """All rows, from a server of its own for each number of streams."""
    rows = []
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = most - OTHER_FILES if most != resource.RLIM_INFINITY else max(STREAMS)
    for wanted in STREAMS:
        streams = min(wanted, possible)
        with (
            Server(folder / f"streams-{wanted}") as server,
            multiprocessing.get_context("spawn").Pool(1) as pool,
        ):
            arguments = (server.url, server.token, web_process(server.data_dir), streams)
            got = pool.apply_async(_in_process, arguments).get(timeout=300)
        waits = [wait * 1000 for wait in got.waits]
        assert len(waits) == got.expected, f"{got.expected - len(waits)} pushes did not arrive"
        rows.append(
            Row(
                f"{streams:,} open streams, {RATE} pushes/s, each to one of them",
                f"p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms",
                f"{min(waits):.1f} - {max(waits):.1f} ms",
                f"{got.memory / 1024 / streams:.1f} KB a stream; opened {streams / got.opening:,.0f}/s",
                "p99 <= 250 ms" if wanted == max(STREAMS) else "",
            )
        )
    return rows


def web_process(data_dir: Path) -> int:
    """The process id of the web process of a server."""
    supervisor = (data_dir / "server.lock").read_text().strip()
    for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        if b"snowmelt.runtimes.web" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise ProcessLookupError("the server has no web process")


def private_memory(pid: int) -> int:
    """Bytes that a process has for itself."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:"))


def _in_process(url: str, token: str, pid: int, streams: int) -> Arrivals:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.disable()  # its pauses would be counted as the server's
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_arrivals(url, token, pid, streams))


async def _arrivals(url: str, token: str, pid: int, streams: int) -> Arrivals:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    assert host == "127.0.0.1", "addresses of this machine only"
    loop = asyncio.get_running_loop()
    identifiers = [str(uuid.UUID(bytes=os.urandom(16))) for _ in range(streams)]
    waits: list[float] = []
    sent: dict[int, float] = {}
    before, started = private_memory(pid), time.perf_counter()
    for first in range(0, streams, 100):
        opened = []
        for number in range(first, min(first + 100, streams)):
            path = f"/api/v1/interventions?domain_userid={identifiers[number]}"
            request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            done = loop.create_future()
            opened.append(done)
            source = (f"127.0.0.{1 + number // PER_ADDRESS}", 0)
            await loop.create_connection(
                lambda request=request, done=done: _Stream(request, done, waits, sent),
                host,
                port,
                local_addr=source,
            )
        await asyncio.gather(*opened)
    opening, memory = time.perf_counter() - started, private_memory(pid) - before
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        pushes = set()
        started = time.perf_counter()
        for number in range(int(RATE * SECONDS)):
            await asyncio.sleep(max(0.0, started + number / RATE - time.perf_counter()))
            target = identifiers[number * 7919 % streams]
            sent[number] = time.perf_counter()
            body = {"name": str(number), "version": 1, "attributes": {"shop:cart_value": "250.5"}}
            pushes.add(asyncio.create_task(client.post(f"/api/v1/interventions?domain_userid={target}", json=body)))
        for answer in await asyncio.gather(*pushes):
            assert answer.json() == {"status": "success"}, answer.text
        deadline = time.perf_counter() + 10
        while len(waits) < len(sent) and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
    return Arrivals(waits, len(sent), memory, opening)
