"""What makes unsynced profiles safe: copies of them, and the knowledge of when they cannot be trusted.

Profiles are committed without waiting for the disk. If a process dies that is no matter, the kernel still has
every page. If the machine dies, pages may have reached the disk in any order, so the profiles are put back to
the last checkpoint (a synced copy) and the event log, which is synced before every acknowledgement and kept
from the checkpoint on, is applied again.
"""

import errno
import shutil
import threading
from pathlib import Path
from uuid import uuid4

from snowmelt.stores.damage import damage_of
from snowmelt.stores.environment import exchanging, sync_path
from snowmelt.stores.errors import StoreError, StoreFullError
from snowmelt.stores.profiles import ProfileReader, ProfileStore

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """A text that changes whenever the machine starts; never the same where the system has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return f"unknown {uuid4()}"


class Checkpoints:
    """The profiles' folder, its checkpoint beside it, and the mark that tells whether to trust the first.

    Args:
        data_dir: the data folder.
    """

    def __init__(self, data_dir: Path) -> None:
        self.reason = ""
        """Why :meth:`recover` has put the profiles back."""
        self.profiles = data_dir / "profiles"
        self._checkpoint = data_dir / "profiles.checkpoint"
        self._mark = data_dir / "profiles.in-use"
        self._taking = threading.Lock()

    def recover(self, damage: str | None = None) -> int | None:
        """Make the profiles trustworthy; to be called before any process opens them.

        They are put back if the machine went down while they were in use, if their file is damaged, and if it is gone
        while there is a checkpoint. A checkpoint that is damaged is as good as none.

        Args:
            damage: what is wrong with their file, empty if nothing is; looked for if absent.

        Returns:
            The position of the checkpoint that they were put back to (0 without one), or ``None`` if they
            could be used as they are.
        """
        with exchanging(self.profiles):
            pass  # what was interrupted is finished by it
        interrupted = [path for path in (self._fresh, self._old) if path.exists()]
        if self._old in interrupted and not self._checkpoint.exists():
            self._old.rename(self._checkpoint)
        for leftover in (self._fresh, self._old):
            shutil.rmtree(leftover, ignore_errors=True)
        with exchanging(self.profiles):
            pass  # an exchange that was interrupted is finished: they are not gone
        self.reason = self._trouble(damage)
        if not self.reason:
            return None
        shutil.rmtree(self.profiles, ignore_errors=True)
        self.profiles.mkdir()
        position = 0
        if self._checkpoint.exists() and not damage_of([self._checkpoint]):
            shutil.copy2(self._checkpoint / "data.mdb", self.profiles / "data.mdb")
            sync_path(self.profiles / "data.mdb")
            reader = ProfileReader(self._checkpoint)
            position = reader.position()
            reader.close()
        sync_path(self.profiles)
        self._mark.unlink(missing_ok=True)
        return position

    def _trouble(self, damage: str | None) -> str:
        """Why the profiles cannot be used as they are; the empty text if they can."""
        if self._mark.exists() and self._mark.read_text() != boot_id():
            return "the machine went down while they were in use"
        if not (self.profiles / "data.mdb").exists():
            return "they are gone" if self._checkpoint.exists() else ""
        found = damage_of([self.profiles]).get(self.profiles, "") if damage is None else damage
        return f"they are damaged: {found}" if found else ""

    @property
    def trusted(self) -> Path:
        """The folder whose profiles may be copied: the store's own, unless the machine went down since it was used."""
        if self._mark.exists() and self._mark.read_text() != boot_id():
            return self._checkpoint
        return self.profiles

    def open(self, map_size: int) -> ProfileStore:
        """The profile store, marked as in use until :meth:`close`.

        Raises:
            StoreError: if it cannot be opened or marked.
        """
        store = ProfileStore(self.profiles, map_size)
        store.sync()
        # A mark that a killed process left is good: none has to be written, which a full disk would refuse.
        if not self._mark.exists() or self._mark.read_text() != boot_id():
            self._set_mark()
        return store

    def _set_mark(self) -> None:
        draft = self._mark.with_suffix(".new")
        try:
            # Replaced as a whole: an empty mark would be one of another boot, and the profiles be put back.
            draft.write_text(boot_id())
            sync_path(draft)
            draft.replace(self._mark)
            sync_path(self._mark.parent)
        except OSError as error:
            draft.unlink(missing_ok=True)
            kind = StoreFullError if error.errno == errno.ENOSPC else StoreError
            raise kind(
                f"the profile store cannot be marked as in use by {self._mark} ({error.strerror}): free disk space, or "
                "see whether the disk is mounted read-only"
            ) from error

    def close(self, store: ProfileStore) -> None:
        """Sync and close the store, and take the mark away: a later start may trust it whatever happens."""
        store.close()
        self._mark.unlink(missing_ok=True)

    def take(self, store: ProfileStore) -> int:
        """Make a checkpoint of the store while it is in use.

        Returns:
            The position that it includes: what comes before need not be kept in the event log.

        Raises:
            StoreError, OSError: if the disk refuses; nothing is left then of what was copied.
        """
        with self._taking:
            return self._take(store)

    def renew(self, store: ProfileStore) -> int:
        """Write the store anew, so that nothing that was deleted is left in its files, and then the checkpoint.

        No checkpoint that was begun before can come after this one. Gives its position, as :meth:`take` does.

        Raises:
            StoreError: if the disk refuses.
        """
        with self._taking:
            store.rewrite()
            return self._take(store)

    def _take(self, store: ProfileStore) -> int:
        shutil.rmtree(self._fresh, ignore_errors=True)
        try:
            self._fresh.mkdir()
            store.copy(self._fresh)
            sync_path(self._fresh / "data.mdb")
            sync_path(self._fresh)
        except BaseException:
            # On a disk that is full it would keep the room that others need.
            shutil.rmtree(self._fresh, ignore_errors=True)
            raise
        reader = ProfileReader(self._fresh)
        position = reader.position()
        reader.close()
        (self._fresh / "lock.mdb").unlink(missing_ok=True)
        if self._checkpoint.exists():
            self._checkpoint.rename(self._old)
        self._fresh.rename(self._checkpoint)
        sync_path(self._checkpoint.parent)
        shutil.rmtree(self._old, ignore_errors=True)
        return position

    @property
    def _fresh(self) -> Path:
        return self._checkpoint.with_suffix(".fresh")

    @property
    def _old(self) -> Path:
        return self._checkpoint.with_suffix(".old")
