"""Load that is offered to a server whether or not it keeps up, and reads beside it; from processes of their own."""

import asyncio
import http.client
import json
import multiprocessing
import os
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import uvloop
from bench.load import NEW_ID, http_request
from bench.server import JSON, TP2, cart

PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
READ = "/api/v1/get-online-attributes"
LAST_ANSWERS = 60.0
"""Seconds that are waited for the answers to what was sent last."""
LOW_PRIORITY = 10
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_RETRY = re.compile(rb"retry-after: (\d+)", re.IGNORECASE)

Result = TypeVar("Result")


class Template(NamedTuple):
    """A tracker's request that is sent many times, each time with new event ids.

    Args:
        pieces: what stands between the ids.
        users: whose events it has, each with how many.
    """

    pieces: list[bytes]
    users: Counter[str]


class Offered(NamedTuple):
    """What came of a load.

    Args:
        seconds: how long it was offered.
        due: requests that were to be sent.
        kept: of these, how many were not, since every connection waited for an answer.
        statuses: how often each status was answered.
        unanswered: requests whose connection ended first.
        acknowledged: events that were answered 200, by user.
        retries: the ``Retry-After`` of all that were answered 503, in seconds; 0 where there was none.
        waits: seconds until each 200.
    """

    seconds: float
    due: int
    kept: int
    statuses: Counter[int]
    unanswered: int
    acknowledged: Counter[str]
    retries: Counter[int]
    waits: list[float]

    @property
    def rate(self) -> float:
        """Acknowledged requests a second."""
        return self.statuses[200] / self.seconds


class Reads(NamedTuple):
    """What came of reads.

    Args:
        waits: seconds until each answer.
        failed: what was answered otherwise.
    """

    waits: list[float]
    failed: list[str]


def templates(url: str, users: list[str], events: int, number: int = 300) -> list[Template]:
    """Requests with some events each, of users at random."""
    made = []
    for _ in range(number):
        chosen = [random.choice(users) for _ in range(events)]
        body = json.dumps({"schema": PAYLOAD_DATA, "data": [cart(user) for user in chosen]}).encode()
        pieces = http_request("POST", url, TP2, body, JSON).split(NEW_ID.encode())
        made.append(Template(pieces, Counter(chosen)))
    return made


def offer(url: str, requests: list[Template], connections: int, seconds: float, rate: float | None) -> Offered:
    """Send requests at a steady rate; without one as fast as they are answered. Runs in the present process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Generator(url, requests).run(connections, seconds, rate))


def read(url: str, token: str, users: list[str], seconds: float, rate: float) -> Reads:
    """Read one user's values at a steady rate over one connection. Runs in the present process."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(cast(str, place.hostname), place.port, timeout=30)
    headers = JSON | {"Authorization": f"Bearer {token}"}
    waits, failed = [], []
    started = time.perf_counter()
    for number in range(int(seconds * rate)):
        time.sleep(max(started + number / rate - time.perf_counter(), 0))
        body = {"service": "ecom_attributes", "attribute_keys": {"domain_userid": [random.choice(users)]}}
        sent = time.perf_counter()
        connection.request("POST", READ, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        waits.append(time.perf_counter() - sent)
        if answer.status != 200:
            failed.append(f"{answer.status} {text[:200]!r}")
        if time.perf_counter() - started > seconds:
            break
    connection.close()
    return Reads(waits, failed)


class Beside:
    """Runs functions in processes of their own, of which load generators take only the time that nobody else wants."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._loads = context.Pool(1, _alone, (LOW_PRIORITY,))
        self._reads = context.Pool(1, _alone, (0,))

    def load(self, function: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
        """Start something at a low priority; what is returned waits for it."""
        return self._loads.apply_async(function, arguments).get

    def read(self, function: Callable[..., Result], *arguments: Any) -> Callable[[], Result]:
        """Start something at the usual priority; what is returned waits for it."""
        return self._reads.apply_async(function, arguments).get

    def close(self) -> None:
        """End the processes."""
        for pool in (self._loads, self._reads):
            pool.terminate()
            pool.join()


def _alone(priority: int) -> None:
    """Compete with the server's processes as another program does, at some priority.

    Where Linux shares the processor between sessions first, as it does by default, a priority counts only within one.
    """
    os.setsid()
    os.nice(priority)
    group = Path("/proc/self/autogroup")
    if priority and group.exists():
        group.write_text(str(priority))


class _Generator:
    """Sends by connections that have nothing under way."""

    def __init__(self, url: str, requests: list[Template]) -> None:
        self._requests, self._url = requests, urlsplit(url)
        assert self._url.hostname in ("127.0.0.1", "localhost", "::1"), "addresses of this machine only"
        self._prefix, self._ids = str(uuid.uuid4())[:24], count()
        self.idle: list[_Connection] = []
        self._busy = 0
        self._next: Callable[[_Connection], None] = self.idle.append
        self.statuses, self.retries = Counter[int](), Counter[int]()
        self._taken, self.unanswered = Counter[int](), 0
        self.waits: list[float] = []

    async def run(self, connections: int, seconds: float, rate: float | None) -> Offered:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: _Connection(self), self._url.hostname, self._url.port)
        numbers, started = count(), loop.time()
        due = kept = 0
        if rate is None:
            self._next = lambda one: self.send(one, next(numbers)) if loop.time() < started + seconds else None
            for one in self.idle[:]:
                self._next(one)
            await asyncio.sleep(seconds)
        while rate is not None and loop.time() < started + seconds:
            until = int((loop.time() - started) * rate)
            for number in range(due, until):
                if not self.idle:
                    kept += until - number
                    break
                self.send(self.idle.pop(), number)
            due = until
            await asyncio.sleep(0.001)
        took = loop.time() - started
        deadline = loop.time() + LAST_ANSWERS
        while self._busy and loop.time() < deadline:
            await asyncio.sleep(0.01)
        acknowledged = Counter[str]()
        for index, times in self._taken.items():
            for user, events in self._requests[index].users.items():
                acknowledged[user] += events * times
        sent = self.statuses.total() + self.unanswered + self._busy
        return Offered(
            took,
            sent + kept,
            kept,
            self.statuses,
            self.unanswered + self._busy,
            acknowledged,
            self.retries,
            self.waits,
        )

    def send(self, connection: "_Connection", number: int) -> None:
        self._busy += 1
        index = number % len(self._requests)
        connection.send(index, b"".join(self._with_ids(self._requests[index].pieces)))

    def _with_ids(self, pieces: list[bytes]) -> Iterator[bytes]:
        yield pieces[0]
        for piece in pieces[1:]:
            yield f"{self._prefix}{next(self._ids):012x}".encode()
            yield piece

    def answered(self, connection: "_Connection", index: int, status: int, retry: int, wait: float) -> None:
        self._busy -= 1
        self.statuses[status] += 1
        if status == 200:
            self._taken[index] += 1
            self.waits.append(wait)
        elif status == 503:
            self.retries[retry] += 1
        self._next(connection)

    def lost(self, busy: bool) -> None:
        self._busy -= busy
        self.unanswered += busy


class _Connection(asyncio.Protocol):
    def __init__(self, generator: _Generator) -> None:
        self._generator = generator
        self._index: int | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._generator.idle.append(self)

    def send(self, index: int, request: bytes) -> None:
        self._index, self._sent = index, time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self._buffer = b""
        assert self._index is not None, "an answer that nobody asked for"
        index, self._index = self._index, None
        retry = _RETRY.search(head)
        wait = time.perf_counter() - self._sent
        self._generator.answered(self, index, int(head[9:12]), int(retry[1]) if retry else 0, wait)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._generator.idle:
            self._generator.idle.remove(self)
        self._generator.lost(self._index is not None)
        self._index = None
