"""How far the import of a file has come, kept beside the lines that were imported."""

import os
import time
from hashlib import blake2b
from pathlib import Path

import msgspec

from snowmelt.cli.line_source import Block, Start
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.notes import Note

KIND = "file"
HEAD_BYTES = 64 * 1024
"""A file is known again by its path and by so many of its first bytes, or all that it had."""


class _Stored(msgspec.Struct, array_like=True):
    path: str
    offset: int
    line: int
    head: int
    digest: bytes
    size: int
    is_whole: bool
    time: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


class FileProgress:
    """Where to begin in a file, and the notes that say how far its import has come.

    Args:
        log: holds the notes; each is changed in the transaction that appends the lines.
        path: of the file.
        again: begin at the start whatever was imported before.

    ``start`` is where to begin; ``is_whole`` says that there is nothing new.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, log: EventLog, path: Path, again: bool = False) -> None:
        self._name = os.fspath(path.resolve())
        self._held = log.note(KIND, self._name)
        self._size = path.stat().st_size
        self._head = min(HEAD_BYTES, self._size)
        self._digest = _digest(path, self._head)
        self.start = Start()
        self.is_whole = False
        stored = _decode(self._held) if self._held else None
        if stored and not again and stored.size <= self._size and _digest(path, stored.head) == stored.digest:
            self.start = Start(stored.offset, stored.line)
            # Else a compressed file would have to be unpacked to its end to find nothing new.
            self.is_whole = stored.is_whole and stored.size == self._size
        self._reached = self.start

    def note(self, block: Block) -> Note:
        """The note that goes with a block; notes are to be appended in the order in which they are asked for."""
        self._reached = Start(block.end, block.first + len(block.lines))
        return self._note(is_whole=False)

    def end(self) -> Note:
        """The note that all of the file was taken."""
        return self._note(is_whole=True)

    def _note(self, is_whole: bool) -> Note:
        was = self._held
        self._held = _encode(
            _Stored(
                path=self._name,
                offset=self._reached.offset,
                line=self._reached.line,
                head=self._head,
                digest=self._digest,
                size=self._size,
                is_whole=is_whole,
                time=time.time_ns() // 1_000_000,
            )
        )
        return Note(KIND, (self._name,), was, self._held)


def _digest(path: Path, head: int) -> bytes:
    with path.open("rb") as file:
        return blake2b(file.read(head), digest_size=16).digest()
