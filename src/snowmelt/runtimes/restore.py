"""A data folder out of a backup, with proof that it is the backup's and can be worked with."""

import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from snowmelt.runtimes.backup import ADDRESS_SPACE, DATABASE, clear, free_place
from snowmelt.runtimes.manifest import MANIFEST, Manifest, files_of, piece, read_manifest
from snowmelt.stores.environment import sync_path
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.profiles import ProfileReader

Progress = Callable[[str, int], None]
"""Is told of every file that was copied: its path in the folder, and its bytes."""


def restore(backup: Path, target: Path, progress: Progress = lambda file, size: None) -> Manifest:
    """Make a data folder of a backup.

    Every file is compared with what the backup says of itself while it is copied. Then each store of the copy is read
    whole: every record of the log, and every page of the databases.

    Args:
        backup: made by :func:`snowmelt.runtimes.backup.back_up`; is not changed.
        target: where to; must not exist, or be empty.
        progress: is told of every file.

    Returns:
        What the backup says of itself.

    Raises:
        StoreError: the backup is incomplete, changed or damaged, or the target is in use. Nothing is left of what was
            copied.
    """
    free_place(target, "the data folder")
    if target.absolute().is_relative_to(backup.absolute()):
        raise StoreError(f"{target} is inside the backup: name a place outside of it")
    manifest = read_manifest(backup)
    found = {str(path.relative_to(backup)) for path in files_of(backup)}
    if missing := sorted(manifest.files.keys() - found):
        raise StoreError(f"the backup {backup} lacks {', '.join(missing)}: restore another one")
    if more := sorted(found - manifest.files.keys()):
        raise StoreError(f"the backup {backup} holds {', '.join(more)}, which {MANIFEST} does not know: take that out")
    made = not target.exists()
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.chmod(0o700)
        for name in sorted(manifest.files):
            _copy(backup, target, name, manifest)
            progress(name, manifest.files[name].size)
        for folder in (*(path for path in target.rglob("*") if path.is_dir()), target):
            sync_path(folder)
        _check(target, manifest)
    except BaseException as error:
        clear(target, whole=made)
        if isinstance(error, OSError | sqlite3.Error):
            raise StoreError(f"the backup {backup} cannot be restored to {target}: {error}") from error
        raise
    return manifest


def _copy(backup: Path, target: Path, name: str, manifest: Manifest) -> None:
    source, copy = backup / name, target / name
    if not copy.resolve().is_relative_to(target.resolve()):
        raise StoreError(f"{MANIFEST} of {backup} names {name}, which is outside of it: restore another backup")
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if piece(source, copy) != manifest.files[name]:
        raise StoreError(f"{source} is not what was backed up: it was changed or damaged since. Restore another backup")
    copy.chmod(stat.S_IMODE(source.stat().st_mode) & stat.S_IRWXU)
    sync_path(copy)


def _check(target: Path, manifest: Manifest) -> None:
    """Read every store whole."""
    for database in target.glob(f"*{DATABASE}"):
        with closing(sqlite3.connect(database)) as connection:
            [verdict, *_] = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise StoreError(f"{database.name} of the backup is damaged ({verdict}): restore another backup")
    position = head = records = 0
    if (target / "profiles").exists():
        with closing(ProfileReader(target / "profiles")) as profiles:
            position = profiles.position()
    if (target / "log").exists():
        with closing(EventLog(target / "log", ADDRESS_SPACE)) as log:
            head, records = log.head(), sum(1 for _ in log.follow())
    if (position, head, records) != (manifest.position, manifest.head, manifest.records):
        raise StoreError(
            f"the event log of the backup has {records} records up to {head}, and its profiles end at {position}, "
            f"while {MANIFEST} says {manifest.records}, {manifest.head} and {manifest.position}: restore another backup"
        )
    for lock in target.rglob("lock.mdb"):
        lock.unlink()
    shutil.rmtree(target / "mailboxes", ignore_errors=True)
