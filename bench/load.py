"""A load generator: keeps a number of connections busy from a process of its own, and counts answers."""

import asyncio
import multiprocessing
import time
import uuid
from collections.abc import Iterator
from itertools import count, cycle
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import uvloop


class Load(NamedTuple):
    """What came of a load.

    Args:
        requests: answered with 200.
        failed: answered otherwise, or not at all since the server hung up.
        seconds: how long it took.
        latencies: of each answer, in seconds, unsorted.
    """

    requests: int
    failed: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def http_request(method: str, url: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """A whole HTTP/1.1 request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


NEW_ID = str(uuid.UUID(int=0))
"""Where this stands in a request, an id is sent that never comes again."""


def endless(requests: list[bytes]) -> Iterator[bytes]:
    """The requests round and round, with new ids each time: an event that is sent again would not count."""
    prefix, numbers = str(uuid.uuid4())[:24], count()
    for first, *others in cycle([request.split(NEW_ID.encode()) for request in requests]):
        pieces = [first]
        for piece in others:
            pieces += (f"{prefix}{next(numbers):012x}".encode(), piece)
        yield b"".join(pieces)


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request on its way at a time."""

    def __init__(self, requests: Iterator[bytes], deadline: float, done: asyncio.Future[None]) -> None:
        self._requests, self._deadline, self._done = requests, deadline, done
        self._buffer = b""
        self.latencies: list[float] = []
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        if self._sent > self._deadline:
            self._transport.close()
            return
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        if head.startswith(b"HTTP/1.1 200"):
            self.latencies.append(time.perf_counter() - self._sent)
        else:
            self.failed += 1
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if time.perf_counter() <= self._deadline:
            self.failed += 1  # the server hung up: nobody would have asked for the rest of the time
        if not self._done.done():
            self._done.set_result(None)


async def _load(url: str, requests: list[bytes], connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    host, port = urlsplit(url).hostname, urlsplit(url).port
    shared = endless(requests)
    started = time.perf_counter()
    protocols = []
    for _ in range(connections):
        done = loop.create_future()
        _, protocol = await loop.create_connection(
            lambda done=done: _Connection(shared, started + seconds, done), host, port
        )
        protocols.append((protocol, done))
    await asyncio.gather(*(done for _, done in protocols))
    latencies = [latency for protocol, _ in protocols for latency in protocol.latencies]
    failed = sum(protocol.failed for protocol, _ in protocols)
    return Load(len(latencies), failed, time.perf_counter() - started, latencies)


def _in_process(url: str, requests: list[bytes], connections: int, seconds: float) -> Load:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_load(url, requests, connections, seconds))


def load(url: str, requests: list[bytes], connections: int = 32, seconds: float = 5.0) -> Load:
    """Send the requests round and round, as :func:`endless` has them, for some seconds; to this machine only."""
    assert urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply_async(_in_process, (url, requests, connections, seconds)).get(timeout=seconds + 30)
