"""One process of a kind in a data folder, and a way to ask whether it is there."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from snowmelt.stores.errors import StoreError


class ProcessLock:
    """A file that one process holds locked while it lives; the kernel lets go when it dies, however it dies.

    Args:
        path: the lock file; made if absent.
        what: names the holder in messages.

    Raises:
        StoreError: if the file cannot be opened.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._acquired = False
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"the lock file {path} cannot be opened: {error.strerror}") from error

    def acquire(self, timeout: float = 10.0) -> None:
        """Take the lock, waiting for a holder that is just stopping.

        Raises:
            StoreError: if somebody else keeps it.
        """
        deadline = time.monotonic() + timeout
        while not self._try(fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                holder = os.pread(self._fd, 32, 0).decode() or "unknown"
                raise StoreError(
                    f"another {self._what} (process {holder}) uses {self._path.parent}: stop it, or choose another "
                    "--data-dir"
                )
            time.sleep(0.02)
        self._acquired = True
        os.ftruncate(self._fd, 0)
        # Only a message would name it; a full disk must not keep the server from starting.
        with suppress(OSError):
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go of the lock."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._acquired = False

    def held(self) -> bool:
        """Whether some process holds the lock now."""
        if self._acquired:
            return True
        if self._try(fcntl.LOCK_SH):
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            return False
        return True

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
