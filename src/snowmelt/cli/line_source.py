"""Lines of files and pipes, plain or compressed, in blocks as they come."""

import gzip
import io
import select
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from snowmelt.cli.errors import CommandError

STDIN = Path("-")
BLOCK_BYTES = 4 * 1024**2
_GZIP = b"\x1f\x8b"


class Block(NamedTuple):
    """Some lines that were read at once.

    Args:
        first: number of the first line, from 1.
        lines: without their line ends.
        consumed: bytes of the file (as it is on the disk) that were read since the block before.
        end: where they end, in bytes of the text, decompressed.
    """

    first: int
    lines: list[bytes]
    consumed: int
    end: int


class Start(NamedTuple):
    """Where to begin in a file.

    Args:
        offset: bytes of the text, decompressed, that are passed over.
        line: number of the first line after them.
    """

    offset: int = 0
    line: int = 1


BEGINNING = Start()


def read_blocks(path: Path, block_bytes: int = BLOCK_BYTES, start: Start = BEGINNING) -> Iterator[Block]:
    """The lines of a file, or of standard input for ``-``, decompressed if they are gzip.

    A pipe's lines are given as soon as they can be read, so that a live stream is not held up.

    Args:
        path: the file.
        block_bytes: the most that is read at once.
        start: where to begin; standard input has only the beginning.

    Raises:
        CommandError: the file cannot be read, ends in the middle of its compressed data, or ends before the start.
    """
    try:
        if path == STDIN:
            # Its own buffer would wait until it is full.
            stdin: Any = sys.stdin.buffer
            stream = io.BufferedReader(getattr(stdin, "raw", stdin))
            try:
                yield from _blocks(stream, block_bytes, live=True)
            finally:
                stream.detach()
        else:
            with path.open("rb") as file:
                yield from _blocks(file, block_bytes, start=start)
    except (OSError, EOFError, zlib.error) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def _blocks(file: io.BufferedReader, block_bytes: int, live: bool = False, start: Start = BEGINNING) -> Iterator[Block]:
    counted = _Counted(file)
    read: Callable[[int], bytes] = counted.read_available if live else counted.read
    if file.peek(2)[:2] == _GZIP:
        read = gzip.GzipFile(fileobj=counted, mode="rb").read
        _pass_over(read, start.offset)
    elif start.offset:
        counted.count = file.seek(start.offset)
    end, number = start
    rest, before = b"", 0
    while chunk := read(block_bytes):
        held = len(rest) + len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        end += held - len(rest) if lines else 0
        if lines:
            yield Block(number, lines, counted.count - before, end)
            number += len(lines)
            before = counted.count
    if rest:
        yield Block(number, [rest], counted.count - before, end + len(rest))


def _pass_over(read: Callable[[int], bytes], left: int) -> None:
    while left:
        passed = len(read(min(left, BLOCK_BYTES)))
        if not passed:
            raise EOFError("it ends before the place that an earlier import had come to")
        left -= passed


class _Counted(io.RawIOBase):
    """A stream that counts what is read through it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.count += len(data)
        return data

    def read_available(self, size: int) -> bytes:
        """What is there now: at least something unless it has ended, at most ``size`` bytes and a bit."""
        data = self._stream.read1(size)
        while data and len(data) < size and self._more_now():
            more = self._stream.read1(size)
            if not more:
                break
            data += more
        self.count += len(data)
        return data

    def _more_now(self) -> bool:
        try:
            return bool(select.select([self._stream], [], [], 0)[0])
        except (OSError, ValueError):
            return True  # not a pipe: the next read ends it
