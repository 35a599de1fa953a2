"""A copy of a data folder that a server may be working on: itself a data folder, ready to be served."""

import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.manifest import MANIFEST, write_manifest
from snowmelt.stores.checkpoint import Checkpoints
from snowmelt.stores.environment import DRAFT, GONE, NEXT, Environment, explained, sync_path
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.profiles import ProfileReader

ATTEMPTS = 3
"""How often profiles and log are copied anew because the log was trimmed in between."""

ADDRESS_SPACE = 2**40
"""More than any store grows to; none of it is used but what the store has."""

DATABASE, ENVIRONMENT = ".sqlite", "data.mdb"
_OF_THE_MOMENT = {
    *(".bell", ".lock", ".address", ".in-use", ".checkpoint", ".fresh", ".old", ".notes", ".new"),
    *(DRAFT, NEXT, GONE),
}
"""Suffixes of what belongs to running processes, or is made again from the rest."""

Progress = Callable[[str, int], None]
"""Is told of every piece that was copied: its name in the folder, and its bytes."""


def back_up(data: DataDir, target: Path, progress: Progress = lambda piece, size: None) -> int:
    """Copy a data folder, with or without a server on it.

    Every event that was acknowledged before the call is in the copy, none is in it twice, and what was acknowledged
    meanwhile is in it up to some place of the log: a server on the copy counts on from there. Profiles are copied
    first, then what may only be newer than they are, the log behind them, and the registry last: so the log always
    reaches from before the profiles' place to beyond it, and no definitions are missing that it speaks of.

    Args:
        data: the folder that is copied.
        target: where to; must not exist, or be empty. It holds the server's secrets, and is made with mode 0700.
        progress: is told of every piece.

    Returns:
        The bytes of the copy.

    Raises:
        StoreError: if the target is in use, a store cannot be read, or the disk refuses. Nothing is left then of
            what was copied.

    Cost: reads and writes each store once, compacted, and reads the copy for its manifest. While it runs, pages that a
    server frees are not used again, so that its stores may grow by what changes meanwhile.
    """
    free_place(target, "the backup")
    if target.absolute().is_relative_to(data.path):
        raise StoreError(f"{target} is inside the data folder that is to be copied: name a place outside of it")
    made = not target.exists()
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.chmod(0o700)
        copied = sum(_copy_all(data, target, progress))
        _describe(data, target)
        for folder in (*(path for path in target.rglob("*") if path.is_dir()), target):
            sync_path(folder)
        return copied
    except BaseException as error:
        clear(target, whole=made)
        if isinstance(error, OSError | sqlite3.Error):
            raise StoreError(f"the data folder {data.path} cannot be copied to {target}: {error}") from error
        raise


def free_place(target: Path, what: str) -> None:
    """Make sure that nothing is overwritten.

    Raises:
        StoreError: if something is there.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError(f"{target} is there already and not an empty folder: name a new one for {what}")


def _describe(data: DataDir, target: Path) -> None:
    """Write the backup's manifest."""
    position = head = records = 0
    if (target / data.profiles.name).exists():
        with closing(ProfileReader(target / data.profiles.name)) as profiles:
            position = profiles.position()
    if (target / data.log.name).exists():
        with closing(EventLog(target / data.log.name)) as log:
            head, records = log.head(), sum(1 for _ in log.follow())
    write_manifest(target, time.time_ns() // 1_000_000, position, head, records)
    sync_path(target / MANIFEST)


def _copy_all(data: DataDir, target: Path, progress: Progress) -> Iterator[int]:
    first, last = {data.profiles, data.log}, data.registry
    others = sorted(path for path in data.path.iterdir() if path not in first and path != last)
    yield from _profiles_and_log(data, target, progress, others)
    if last.exists():
        yield _copied(last, target / last.name, progress)


def _profiles_and_log(data: DataDir, target: Path, progress: Progress, others: list[Path]) -> Iterator[int]:
    source = Checkpoints(data.path).trusted
    for attempt in range(ATTEMPTS):
        if source.exists():
            yield _copied(source, target / data.profiles.name, progress)
        if attempt == 0:
            for path in others:
                if path.exists() and path.suffix not in _OF_THE_MOMENT:
                    yield _copied(path, target / path.name, progress)
        if not data.log.exists():
            return
        yield _copied(data.log, target / data.log.name, progress)
        if _continues(target / data.profiles.name, target / data.log.name):
            return
        for path in (data.profiles, data.log):
            shutil.rmtree(target / path.name)
    raise StoreError(
        f"the event log at {data.log} was trimmed {ATTEMPTS} times while it was copied: raise "
        "engine.checkpoint_minutes, or make the backup at a quieter time"
    )


def _continues(profiles: Path, log: Path) -> bool:
    """Whether the log that was copied goes on where the profiles that were copied end."""
    with closing(EventLog(log)) as records:
        tail = records.tail()
    if not profiles.exists():
        return tail <= 1
    with closing(ProfileReader(profiles)) as reader:
        return tail <= reader.position() + 1


def _copied(path: Path, target: Path, progress: Progress) -> int:
    """Copy one piece, whatever it is, and say how large the copy is."""
    if (path / ENVIRONMENT).exists():
        _copy_environment(path, target)
    elif path.is_dir():
        target.mkdir(mode=0o700)
        for inner in sorted(path.iterdir()):
            if inner.suffix not in _OF_THE_MOMENT:
                _copied(inner, target / inner.name, lambda piece, size: None)
    elif path.suffix == DATABASE:
        _copy_database(path, target)
    elif stat.S_ISREG(path.lstat().st_mode) and not path.name.endswith(("-wal", "-shm")):
        shutil.copy2(path, target)
        sync_path(target)
    else:
        return 0
    size = sum(file.stat().st_size for file in (target, *target.rglob("*")) if file.is_file())
    progress(path.name, size)
    return size


def _copy_environment(path: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    with (
        closing(Environment(path, ADDRESS_SPACE, "store", readonly=True)) as environment,
        explained("copy", target, "the room on its disk"),
    ):
        environment.copy(str(target), compact=True)
    sync_path(target / ENVIRONMENT)


def _copy_database(path: Path, target: Path) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source:
        target.touch(mode=stat.S_IMODE(path.stat().st_mode))
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy, pages=1_000)
    sync_path(target)


def clear(target: Path, *, whole: bool) -> None:
    """Take away what was begun: all that is in a folder, or the folder itself."""
    if whole:
        shutil.rmtree(target, ignore_errors=True)
        return
    for path in target.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
