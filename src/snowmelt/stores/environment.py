"""LMDB environments: how the stores open theirs, how one takes another's place, and what LMDB's errors mean."""

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import lmdb

from snowmelt.stores.damage import DamagedError
from snowmelt.stores.errors import StoreError, StoreFullError

MAX_READERS = 512
DATA = "data.mdb"
DRAFT, NEXT, GONE = ".draft", ".next", ".gone"
"""Suffixes of folders beside an environment's own: one that is being written to take its place, the same when it is
complete, and what it has replaced. None of them outlives the exchange, unless it is interrupted."""

FULL_BYTES = 1024**2
"""With less free than this a disk is taken for full."""

_LOCK_BYTES = MAX_READERS * 64 + 128
"""What LMDB makes of ``MAX_READERS``."""
_DAMAGED = (lmdb.InvalidError, lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.VersionMismatchError)


REPLACED = bytes(8) + b"\0"
"""The key of what the last writer of an environment leaves in it: another one is about to take its place."""


class _Opened(NamedTuple):
    """An environment as one process has it open.

    Args:
        environment: is closed when nothing refers to it any more, the last transaction included.
        inode: of its file.
        mark: what stands under ``REPLACED`` though nothing replaces it: an exchange was given up at the last moment.
    """

    environment: lmdb.Environment
    inode: int
    mark: bytes | None


class Environment:
    """An LMDB environment that is opened anew when another one has taken its place.

    LMDB leaves what was deleted in its files: freed pages are not wiped, and pages carry remains of others. What must
    be gone is therefore left behind, by writing all the rest into a new environment that takes the old one's place
    (:mod:`snowmelt.stores.rewriting`). Every transaction begins with a look whether that has happened, 0.3 µs.

    Args:
        path: its folder; made if absent, unless opened with ``readonly``.
        map_size: bytes that it may grow to (address space, not disk, is reserved).
        what: names it in messages, for example ``event log``.
        options: of LMDB.

    Raises:
        DamagedError: if its file is not one of LMDB's, or not what was written.
        StoreError: if it cannot be opened for another reason; so may each transaction.
    """

    def __init__(self, path: Path, map_size: int, what: str, **options: Any) -> None:
        self.path, self.map_size, self.what = path, map_size, what
        self._options = options
        self._renewing = threading.Lock()
        self._current = self._open()

    @overload
    def begin(self, *, write: bool = False, buffers: Literal[False] = False) -> "lmdb.Transaction[bytes]": ...

    @overload
    def begin(self, *, write: bool = False, buffers: Literal[True]) -> "lmdb.Transaction[memoryview]": ...

    def begin(self, *, write: bool = False, buffers: bool = False) -> Any:
        """A transaction, to be used in a ``with``: committed at its end, or given up if there is an error."""
        while True:
            opened = self._current
            txn: Any = opened.environment.begin(write=write, buffers=buffers)  # type: ignore[call-overload]
            found = txn.get(REPLACED)
            if found == opened.mark:
                return txn
            mark = bytes(found)
            txn.abort()
            with self._renewing:
                if self._current is opened:
                    self._current = self._renewed(opened, mark)

    def sync(self) -> None:
        """Put everything committed on the disk."""
        self._newest().sync(True)

    def copy(self, path: str, *, compact: bool) -> None:
        """Write a consistent, synced copy into an empty folder, while work goes on."""
        self._newest().copy(path, compact=compact)

    def close(self) -> None:
        """Close it."""
        self._current.environment.close()

    def _newest(self) -> lmdb.Environment:
        with self.begin():
            return self._current.environment

    def _renewed(self, opened: _Opened, mark: bytes) -> _Opened:
        """What stands at the path once the exchange that a mark tells of is over."""
        try:
            with exchanging(self.path):
                if (self.path / DATA).stat().st_ino == opened.inode:
                    return opened._replace(mark=mark)
        except FileNotFoundError:
            pass  # opening it says what is wrong
        return self._open()

    def _open(self) -> _Opened:
        path = self.path
        try:
            if not self._options.get("readonly"):
                path.parent.mkdir(parents=True, exist_ok=True)
            with exchanging(path):
                if not self._options.get("readonly"):
                    path.mkdir(exist_ok=True)
                    _reserve_locks(path / "lock.mdb")
                environment = lmdb.open(
                    str(path),
                    map_size=self.map_size,
                    max_dbs=0,
                    readahead=False,
                    max_readers=MAX_READERS,
                    **self._options,
                )
                # A process that was killed while it read would keep the pages of that moment from being used again.
                environment.reader_check()
                with environment.begin() as txn:
                    return _Opened(environment, (path / DATA).stat().st_ino, txn.get(REPLACED))
        except _DAMAGED as error:
            raise DamagedError(self.what, path, error) from error
        except (OSError, lmdb.Error) as error:
            raise StoreError(
                f"the {self.what} at {path} cannot be opened ({error}): check that the folder is writable and is on a "
                "local disk"
            ) from error


@contextmanager
def exchanging(path: Path) -> Iterator[None]:
    """Keep an environment from being opened or exchanged by others, and finish an exchange that was interrupted.

    Nothing can be opened between the two renamings of an exchange, so that no data meets another one's lock file.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        following, gone = beside(path, NEXT), beside(path, GONE)
        if following.exists():
            if path.exists():
                # Who was about to exchange them died, and others may have written since.
                shutil.rmtree(following)
            else:
                following.rename(path)
        # Who has exchanged them may be about to do the same.
        shutil.rmtree(gone, ignore_errors=True)
        yield
    finally:
        os.close(folder)


def beside(path: Path, suffix: str) -> Path:
    """The folder beside an environment's own with this suffix."""
    return path.with_name(path.name + suffix)


@contextmanager
def explained(what: str, path: Path, setting: str) -> Iterator[None]:
    """Turn what LMDB raises into errors that say what to do.

    Args:
        what: as in :class:`Environment`.
        path: its folder.
        setting: the setting that bounds its size.

    Raises:
        StoreFullError: if there is no room on the disk or below the bound.
        DamagedError: if what is read is not what was written.
        StoreError: if the disk refuses for another reason.
    """
    try:
        yield
    except (lmdb.MapFullError, lmdb.DiskError) as error:
        raise StoreFullError(f"the {what} at {path} is full ({error}): free disk space, or raise {setting}") from error
    except _DAMAGED as error:
        raise DamagedError(what, path, error) from error
    except lmdb.Error as error:
        if shutil.disk_usage(path).free < FULL_BYTES:
            # LMDB calls it an input/output error if half of what it wrote had room.
            raise StoreFullError(f"the {what} at {path} is full ({error}): free disk space") from error
        raise StoreError(f"the {what} at {path} cannot be used: {error}") from error


def _reserve_locks(file: Path) -> None:
    """Make the table of readers with all its room: the system ends who writes to a part of it that the disk lacks.

    Only if it is new: to close a file that LMDB has open in this process would let go of LMDB's lock on it.
    """
    with suppress(FileExistsError), file.open("xb") as opened:
        os.posix_fallocate(opened.fileno(), 0, _LOCK_BYTES)


def sync_path(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
