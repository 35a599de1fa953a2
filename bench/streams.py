"""Many open streams of interventions on one web process: how soon one arrives, and what a stream takes.

First interventions are pushed; then they fire by events, which go through collector, log and engine.
"""

import asyncio
import gc
import json
import multiprocessing
import os
import re
import resource
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast
from urllib.parse import urlsplit

import httpx
import uvloop

from bench.load import http_request
from bench.row import Row, percentile
from bench.server import JSON, TP2, cart
from snowmelt.definitions import InterventionCriterion, LinkAttributeKey, RuleIntervention
from snowmelt.demo.tutorial import NAME, OWNER, tutorial_group
from snowmelt.testing import Server

STREAMS = (1_000, 10_000)
RATE, SECONDS = 200, 15.0
PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
EVENTS = 1_000
"""Events a second, each of which makes an intervention fire."""
SENDERS = 32
"""Connections that events come by, one at a time on each."""
OTHER_FILES = 600
"""Open files that neither the server nor the load generator has for streams."""
PER_ADDRESS = 5_000
"""Connections from one address of this machine: the ports of one are soon used up."""
CARTS = f"{NAME}:count_add_to_cart"
PUSHED = re.compile(rb'"name":"(\d+)"')
FIRED = re.compile(rb'"%s":"(\d+)"' % CARTS.encode())


Sent: TypeAlias = dict[tuple[int, int], float]
"""When it was sent that makes a stream receive a number, by stream and number."""


class Arrivals(NamedTuple):
    """What came of what was sent.

    Args:
        waits: from before a push or an event until a subscriber had the intervention, in seconds.
        expected: how many should have come.
        memory: of the web process beside what it had without streams, in bytes.
        opening: seconds that it took to open all streams.
    """

    waits: list[float]
    expected: int
    memory: float
    opening: float


class _Stream(asyncio.Protocol):
    """One subscriber; notes how long each intervention was on its way."""

    def __init__(self, request: bytes, opened: asyncio.Future[None], arrived: Callable[[bytes, float], None]) -> None:
        self._request, self._opened, self._arrived = request, opened, arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self._opened.done():
            self._opened.set_result(None)
        # Nothing else is sent to it for a second or more, and what is sent is small: a number is never cut in two.
        self._arrived(data, now)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(ConnectionError("the server took no more streams"))


class _Sender(asyncio.Protocol):
    """A connection by which events are posted, one at a time."""

    def __init__(self, idle: "asyncio.Queue[_Sender]") -> None:
        self._idle, self._answer = idle, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._idle.put_nowait(self)

    def post(self, request: bytes) -> None:
        """Send; once it is answered the connection is idle again."""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        assert self._answer.startswith(b"HTTP/1.1 200"), self._answer
        if self._answer.endswith(b"\r\n\r\nok"):
            self._answer = b""
            self._idle.put_nowait(self)


def run(folder: Path) -> list[Row]:
    """All rows, from a server of its own for each number of streams."""
    rows = []
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = most - OTHER_FILES if most != resource.RLIM_INFINITY else max(STREAMS)
    for wanted in STREAMS:
        streams = min(wanted, possible)
        for measure, what in ((pushes, f"{RATE} pushes/s"), (firings, f"{EVENTS:,} events/s that make one fire")):
            with (
                Server(folder / f"streams-{wanted}-{measure.__name__}") as server,
                multiprocessing.get_context("spawn").Pool(1) as pool,
            ):
                server.signals.publish([tutorial_group(), every_cart()])
                web = web_process(server.data_dir)
                arguments = (measure, SECONDS, server.url, server.token, web, streams)
                got = pool.apply_async(_in_process, arguments).get(timeout=300)
            rows.append(row(f"{streams:,} open streams, {what}, each to one of them", got, streams, wanted))
    return rows


def row(what: str, got: Arrivals, streams: int, wanted: int) -> Row:
    """A row; everything must have arrived."""
    waits = [wait * 1000 for wait in got.waits]
    assert len(waits) == got.expected, f"{got.expected} interventions were to arrive, and {len(waits)} did"
    return Row(
        what,
        f"p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms",
        f"{min(waits):.1f} - {max(waits):.1f} ms",
        f"{got.memory / 1024 / streams:.1f} KB a stream; opened {streams / got.opening:,.0f}/s",
        "p99 <= 250 ms" if wanted == max(STREAMS) else "",
    )


def every_cart() -> RuleIntervention:
    """Fires with everything that is put into a cart."""
    return RuleIntervention(
        name="every_cart",
        criteria=InterventionCriterion(attribute=CARTS, operator="changed"),
        target_attribute_keys=[LinkAttributeKey(name="domain_userid")],
        owner=OWNER,
    )


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


Measure: TypeAlias = Callable[[str, str, list[str], Sent, float], Awaitable[None]]
"""Sends for some seconds to the streams of some identifiers, and notes when."""


def _in_process(measure: Measure, seconds: float, url: str, token: str, pid: int, streams: int) -> Arrivals:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.disable()  # its pauses would be counted as the server's
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_arrivals(measure, seconds, url, token, pid, streams))


async def _arrivals(measure: Measure, seconds: float, url: str, token: str, pid: int, streams: int) -> Arrivals:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    assert host == "127.0.0.1", "addresses of this machine only"
    loop = asyncio.get_running_loop()
    identifiers = [str(uuid.UUID(bytes=os.urandom(16))) for _ in range(streams)]
    waits: list[float] = []
    sent: Sent = {}
    pattern = PUSHED if measure is pushes else FIRED

    def arrived(stream: int, data: bytes, now: float) -> None:
        waits.extend(now - sent[stream, int(number)] for number in pattern.findall(data))

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
                lambda request=request, done=done, number=number: _Stream(request, done, partial(arrived, number)),
                host,
                port,
                local_addr=source,
            )
        await asyncio.gather(*opened)
    opening, memory = time.perf_counter() - started, private_memory(pid) - before
    await measure(url, token, identifiers, sent, seconds)
    deadline = time.perf_counter() + 10
    while len(waits) < len(sent) and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    return Arrivals(waits, len(sent), memory, opening)


async def pushes(url: str, token: str, identifiers: list[str], sent: Sent, seconds: float) -> None:
    """Push interventions by the API; their names are numbers."""
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        answers = set()
        async for number, stream in _in_time(RATE, seconds, len(identifiers)):
            sent[stream, number] = time.perf_counter()
            body = {"name": str(number), "version": 1, "attributes": {"shop:cart_value": "250.5"}}
            path = f"/api/v1/interventions?domain_userid={identifiers[stream]}"
            answers.add(asyncio.create_task(client.post(path, json=body)))
        for answer in await asyncio.gather(*answers):
            assert answer.json() == {"status": "success"}, answer.text


async def firings(url: str, token: str, identifiers: list[str], sent: Sent, seconds: float) -> None:
    """Post events as browsers do, one a request; each makes one fire that sends along how many it is for its user."""
    loop = asyncio.get_running_loop()
    idle: asyncio.Queue[_Sender] = asyncio.Queue()
    for _ in range(SENDERS):
        await loop.create_connection(lambda: _Sender(idle), urlsplit(url).hostname, urlsplit(url).port)
    counts = Counter[int]()
    async for _, stream in _in_time(EVENTS, seconds, len(identifiers)):
        event = cart(identifiers[stream]) | {"eid": str(uuid.uuid4())}
        body = json.dumps({"schema": PAYLOAD_DATA, "data": [event]}).encode()
        counts[stream] += 1
        sent[stream, counts[stream]] = time.perf_counter()
        (await idle.get()).post(http_request("POST", url, TP2, body, JSON))


async def _in_time(rate: int, seconds: float, streams: int) -> AsyncIterator[tuple[int, int]]:
    """Numbers at a steady rate, each with the stream that it is for."""
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        yield number, number * 7919 % streams
