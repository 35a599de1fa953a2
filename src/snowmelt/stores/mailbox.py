"""Short notes from any process to others: who wakes whom when several processes wait."""

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from snowmelt.stores.errors import StoreError

_NOTE = struct.Struct(">c16sQQ")
_READ_BYTES = 64 * 1024
_SUFFIX = ".notes"
_NOBODY = UUID(int=0)


class Note(NamedTuple):
    """What one process tells another.

    Args:
        kind: one byte, whose meaning is between the two.
        about: the id of what it is about.
        sender: the number of the sender's own mailbox, 0 if it has none.
        number: whatever the kind says.
    """

    kind: bytes
    about: UUID = _NOBODY
    sender: int = 0
    number: int = 0


class Mailbox:
    """The named pipe out of which one process takes its notes; made by :meth:`Mailboxes.own`.

    A note that comes while nobody looks is kept, so that nothing is missed between looking and waiting.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.number = number
        self._path = path
        self._rest = b""
        draft = path.with_suffix(".new")
        try:
            with suppress(FileExistsError):
                os.mkfifo(draft, 0o600)
            # Opened for both directions, or it would report its end as soon as no other process writes.
            self._fd = os.open(draft, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            # Others take a pipe that nobody reads for a dead process's and remove it: so it appears when it is read.
            draft.replace(path)
        except OSError as error:
            raise StoreError(f"the pipe {path} cannot be opened: {error}") from error

    def fileno(self) -> int:
        """The descriptor that is readable when notes are there."""
        return self._fd

    def take(self) -> list[Note]:
        """The notes that have come, without waiting."""
        try:
            read = self._rest + os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return []
        whole = len(read) - len(read) % _NOTE.size
        self._rest = read[whole:]
        return [
            Note(kind, UUID(bytes=about), sender, number)
            for kind, about, sender, number in _NOTE.iter_unpack(read[:whole])
        ]

    def close(self) -> None:
        """Let go of the pipe and remove it."""
        self._path.unlink(missing_ok=True)
        os.close(self._fd)


class Mailboxes:
    """The mailboxes of all processes, in one folder.

    Args:
        folder: where the pipes are; made if absent.

    Raises:
        StoreError: if it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {folder} cannot be made: {error}") from error

    def own(self, number: int) -> Mailbox:
        """Open a mailbox to take notes from.

        Args:
            number: of this process alone, from 1; its process id.

        Raises:
            StoreError: if it cannot be opened.
        """
        return Mailbox(self._path(number), number)

    def send(self, note: Note, to: int) -> bool:
        """Put a note into one mailbox; cheap (three system calls), never blocks.

        Returns:
            Whether it was taken: not if its process is gone, or if thousands of notes wait there.
        """
        path = self._path(to)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nobody reads it: its process was killed
                path.unlink(missing_ok=True)
            return False
        try:
            # So short a write is whole or does not happen.
            os.write(fd, _NOTE.pack(note.kind, note.about.bytes, note.sender, note.number))
        except (BlockingIOError, BrokenPipeError):
            return False
        finally:
            os.close(fd)
        return True

    def send_all(self, note: Note) -> list[int]:
        """Put a note into every mailbox but the sender's own.

        Returns:
            The numbers of those that took it.
        """
        return [number for number in self._numbers() if number != note.sender and self.send(note, number)]

    def _numbers(self) -> Iterator[int]:
        for path in self._folder.iterdir():
            if path.suffix == _SUFFIX and path.stem.isascii() and path.stem.isdigit():
                yield int(path.stem)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}{_SUFFIX}"
