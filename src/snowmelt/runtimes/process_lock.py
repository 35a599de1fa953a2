"""One process of a kind in a data folder, and a way to ask whether it is there."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from snowmelt.stores.errors import StoreError

BEAT_SECONDS = 1.0


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
        self._beaten = -BEAT_SECONDS
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
                holder = next(iter(self._words()), "unknown")
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

    def beat(self) -> None:
        """Leave word in the file that this process still works; to be called again and again.

        Cost: a write without a sync, once a second at most.
        """
        now = time.monotonic()
        if now - self._beaten >= BEAT_SECONDS:
            self._beaten = now
            with suppress(OSError):  # a disk that refuses shows elsewhere
                os.pwrite(self._fd, f"{os.getpid()} {now:.3f}\n".encode(), 0)

    def silent_seconds(self) -> float | None:
        """How long ago the holder left word, in seconds; ``None`` if it has not yet.

        All processes of a machine have the same monotonic clock, which nobody sets.
        """
        words = self._words()
        return max(time.monotonic() - float(words[1]), 0.0) if len(words) > 1 else None

    def _words(self) -> list[str]:
        return os.pread(self._fd, 64, 0).decode().split()

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
