"""Group commit: many requests share one sync of the disk."""

import asyncio
import threading
from collections.abc import Sequence

import structlog

from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog, Kind

Entry = tuple[Kind, int, bytes]

MAX_WAITING_BYTES = 64 * 1024**2

logger = structlog.get_logger("snowmelt.collector")


class OverloadedError(StoreError):
    """The disk is slower than the requests; what is not taken now should be sent again later."""

    code = "overloaded"


class LogWriter:
    """Appends to the event log from one event loop, through one thread.

    While the disk syncs one group, the next gathers, so that the number of syncs follows the disk's speed and
    not the number of requests.

    Args:
        log: where to append.
        bell: rung after each group, to wake the engine.
    """

    def __init__(self, log: EventLog, bell: Bell) -> None:
        self._log = log
        self._bell = bell
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    async def append(self, entry: Entry) -> None:
        """Return when the entry is on the disk.

        Raises:
            OverloadedError: if 64 MB are waiting already, or the writer was closed; the entry was not taken.
            StoreError: if the log cannot be written; the entry is not in it.
        """
        future = self._loop.create_future()
        with self._changed:
            if self._closed:
                raise OverloadedError("the event log is closed: the server is stopping")
            if self._waiting_bytes > MAX_WAITING_BYTES:
                raise OverloadedError("the event log is too far behind to take more now")
            self._waiting.append((entry, future))
            self._waiting_bytes += len(entry[2])
            self._changed.notify()
        await future

    async def close(self) -> None:
        """Write what is waiting, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                group, self._waiting, self._waiting_bytes = self._waiting, [], 0
            if not group:
                return
            failure = self._write([entry for entry, _ in group])
            self._loop.call_soon_threadsafe(_settle, [future for _, future in group], failure)

    def _write(self, entries: Sequence[Entry]) -> StoreError | None:
        """Append, and say what went wrong: whatever it is, the thread must live to write the next group."""
        try:
            self._log.append(entries)
        except StoreError as error:
            return error
        except Exception as error:
            return StoreError(f"the event log cannot be written: {error!r}")
        try:
            self._bell.ring()
        except Exception as error:
            # The entries are on the disk; the engine looks again by itself within a second.
            logger.error("the engine could not be woken", error=repr(error))
        return None


def _settle(futures: Sequence[asyncio.Future[None]], failure: StoreError | None) -> None:
    for future in futures:
        if future.done():
            continue  # the client has gone
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
