"""LMDB environments: how the stores open theirs, and what LMDB's errors mean to people."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb

from snowmelt.stores.damage import DamagedError
from snowmelt.stores.errors import StoreError, StoreFullError

MAX_READERS = 512

FULL_BYTES = 1024**2
"""With less free than this a disk is taken for full."""

_LOCK_BYTES = MAX_READERS * 64 + 128
"""What LMDB makes of ``MAX_READERS``."""
_DAMAGED = (lmdb.InvalidError, lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.VersionMismatchError)


def open_environment(path: Path, map_size: int, what: str, **options: Any) -> lmdb.Environment:
    """Open an environment.

    Args:
        path: its folder; made if absent, unless opened with ``readonly``.
        map_size: bytes that it may grow to (address space, not disk, is reserved).
        what: names it in messages, for example ``event log``.
        options: of LMDB.

    Raises:
        DamagedError: if its file is not one of LMDB's, or not what was written.
        StoreError: if it cannot be opened for another reason.
    """
    try:
        if not options.get("readonly"):
            path.mkdir(parents=True, exist_ok=True)
            _reserve_locks(path / "lock.mdb")
        environment = lmdb.open(
            str(path), map_size=map_size, max_dbs=0, readahead=False, max_readers=MAX_READERS, **options
        )
        # A process that was killed while it read would keep the pages of that moment from being used again.
        environment.reader_check()
        return environment
    except _DAMAGED as error:
        raise DamagedError(what, path, error) from error
    except (OSError, lmdb.Error) as error:
        raise StoreError(
            f"the {what} at {path} cannot be opened ({error}): check that the folder is writable and is on a local disk"
        ) from error


@contextmanager
def explained(what: str, path: Path, setting: str) -> Iterator[None]:
    """Turn what LMDB raises into errors that say what to do.

    Args:
        what: as in :func:`open_environment`.
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
    """Give the table of readers its room on the disk: the system ends who writes to a part of it that has none."""
    with file.open("ab") as opened:
        os.posix_fallocate(opened.fileno(), 0, opened.tell() or _LOCK_BYTES)
