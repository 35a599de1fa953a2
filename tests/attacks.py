"""What the tests of security send with, and the count of it all."""

import os
import socket
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

STATUSES: Counter[int] = Counter()
"""Answers of this process's requests by status."""

THIN = 1 if os.environ.get("SNOWMELT_SECURITY") == "all" else 20
"""Of all pairs of a place and a text one in so many is tried: each place and each text still has its turn."""


def its_turn(*numbers: int) -> bool:
    """Whether a pair is among those that are tried."""
    return sum(numbers) % THIN == 0


class Asking(httpx.Client):
    """A client that counts what it is answered, and takes no 5xx but 501, which is what comes later."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(base_url=url, timeout=20, trust_env=False, event_hooks={"response": [self._count]}, **options)

    def _count(self, response: httpx.Response) -> None:
        counted(response.status_code, f"{response.request.method} {response.request.url}"[:300])


def counted(status: int, what: str) -> int:
    """Count an answer, which must be no 5xx but 501 (comes later) and 503 (comes back)."""
    STATUSES[status] += 1
    assert status < 500 or status in (501, 503), f"{status} for {what}"
    return status


def dial(url: str, seconds: float = 20.0) -> socket.socket:
    """A connection to a server, nothing sent yet."""
    host, _, port = url.partition("://")[2].rpartition(":")
    return socket.create_connection((host, int(port)), seconds)


def answer_of(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    got = bytearray()
    try:
        while piece := connection.recv(65_536):
            got += piece
    except ConnectionError:
        pass  # closed with something unread
    return bytes(got)


def raw(url: str, request: bytes) -> bytes:
    """What bytes are answered, until the server closes; they should say ``Connection: close``."""
    with dial(url) as connection:
        with suppress(ConnectionError):  # when it has seen enough
            connection.sendall(request)
        answer = answer_of(connection)
    counted(status_of(answer), repr(request[:200]))
    return answer


def status_of(answer: bytes) -> int:
    """The status of an answer; 0 if the connection was closed without one."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def head_of(answer: bytes) -> list[bytes]:
    """The lines of an answer above its body."""
    return answer.partition(b"\r\n\r\n")[0].split(b"\r\n")


def memory_mb(pids: Iterable[int]) -> float:
    """What processes hold in memory."""
    lines = (line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
