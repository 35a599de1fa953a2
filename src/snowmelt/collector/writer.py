"""Group commit: many requests share one sync of the disk."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Sequence

import structlog

from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog, Kind

Entry = tuple[Kind, int, bytes]

MAX_WAITING_BYTES = 64 * 1024**2

TRIED_SECONDS = 1.0
"""How long it is taken for granted that what was written can be written again."""

UNHEALTHY_SECONDS = 10
"""Whoever sends requests elsewhere meanwhile must come back at some time, or nobody would notice that all is well."""

SETTLED_AT_ONCE = 8
"""Requests of a group that go on in one turn of the event loop."""

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
        self._waiting: list[tuple[Sequence[Entry], asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._failed = self._written = -math.inf
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def healthy(self) -> bool:
        """Whether the log takes entries, as far as is known: what failed a while ago may be mended."""
        return not self._closed and time.monotonic() - self._failed > UNHEALTHY_SECONDS

    async def append(self, *entries: Entry) -> None:
        """Return when the entries are on the disk, all together.

        Raises:
            OverloadedError: if 64 MB are waiting already, or the writer was closed; none was taken.
            StoreError: if the log cannot be written; none is in it.
        """
        future = self._loop.create_future()
        with self._changed:
            if self._closed:
                raise OverloadedError("the event log is closed: the server is stopping")
            if self._waiting_bytes > MAX_WAITING_BYTES:
                raise OverloadedError("the event log is too far behind to take more now")
            self._waiting.append((entries, future))
            self._waiting_bytes += sum(len(entry[2]) for entry in entries)
            self._changed.notify()
        await future

    async def try_out(self) -> None:
        """Return when it is known that the log takes entries: something was written a moment ago, or can be now.

        Raises:
            StoreError: as :meth:`append`.
        """
        if time.monotonic() - self._written > TRIED_SECONDS:
            await self.append()

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
            failure = self._write([entry for entries, _ in group for entry in entries])
            now = time.monotonic()
            self._failed, self._written = (-math.inf, now) if failure is None else (now, -math.inf)
            self._loop.call_soon_threadsafe(_settle, self._loop, deque(future for _, future in group), failure)

    def _write(self, entries: Sequence[Entry]) -> StoreError | None:
        """Append, and say what went wrong: whatever it is, the thread must live to write the next group."""
        try:
            if not entries:
                self._log.try_write()
                return None
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


def _settle(loop: asyncio.AbstractEventLoop, futures: deque[asyncio.Future[None]], failure: StoreError | None) -> None:
    """Tell those who wait, some in each turn of the event loop, so that others get theirs."""
    for _ in range(min(SETTLED_AT_ONCE, len(futures))):
        future = futures.popleft()
        if future.done():
            continue  # the client has gone
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
    if futures:
        loop.call_soon(_settle, loop, futures, failure)
