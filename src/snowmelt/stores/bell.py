"""One process wakes another without either polling."""

import os
import select
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from snowmelt.stores.errors import StoreError


class Bell:
    """A named pipe in the data folder: any process rings, one process waits.

    A ring that comes while nobody waits is kept, so that nothing is missed between looking and waiting.

    Args:
        path: where the pipe is; made if absent.

    Raises:
        StoreError: if it cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            with suppress(FileExistsError):
                os.mkfifo(path, 0o600)
            # Opened for both directions: a pipe that one end alone holds would block, or report its end.
            self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"the pipe {path} cannot be opened: {error}") from error
        if not stat.S_ISFIFO(os.fstat(self._fd).st_mode):
            # A file is always readable: whoever waits would never sleep.
            os.close(self._fd)
            raise StoreError(f"{path} must be a named pipe and is not: remove it, it is made again")

    def ring(self) -> None:
        """Wake whoever waits; cheap (a system call), never blocks."""
        with suppress(BlockingIOError):  # when 64 KB of rings are waiting already
            os.write(self._fd, b"!")

    def wait(self, seconds: float, also: Sequence[int] = ()) -> list[int]:
        """Sleep until somebody rings, until one of the ``also`` descriptors is readable, or for ``seconds``.

        Returns:
            Those of ``also`` that are readable.
        """
        poll = select.poll()
        for fd in (self._fd, *also):
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(seconds * 1000)]
        if self._fd in ready:
            os.read(self._fd, 65536)
        return [fd for fd in ready if fd != self._fd]

    def close(self) -> None:
        """Let go of the pipe; the file stays for the other processes."""
        os.close(self._fd)
