"""What trackers sent and the engine has not applied yet, and whether more may be taken."""

import math
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from snowmelt.settings_collector import CollectorSettings
from snowmelt.stores.event_log import EventLog, Kind

LOOK_SECONDS: Final = 0.25
"""How often is looked. What is taken between two looks may go beyond a limit: at 50 MB a second, 12 MB."""
COUNT_SECONDS: Final = 0.02
"""How long one look may count records. Only a process that has just started on a long log does not get through."""
COUNT_RECORDS: Final = 1_000
STEP_BYTES: Final = 1024**2
"""How finely it is known where in the log how many bytes stand."""
OPEN_AGAIN: Final = 0.75
"""Requests are taken again when no more than this part of the limit waits: the answer must not change all the time."""
LARGEST_PART: Final = 0.05
"""The free room that is asked for is never more than this part of a disk: small ones could not be used at all."""
ENOUGH_ROOM: Final = 1.25
"""Requests are taken again when there is so much more room than is asked for."""
RATE_SECONDS: Final = 5.0
"""Over how long the engine's speed is measured."""
SHORTEST_RETRY, USUAL_RETRY, LONGEST_RETRY = 1, 30, 60

_OF_TRACKERS = frozenset({Kind.PAYLOAD, Kind.OVERSIZE})

logger = structlog.get_logger("snowmelt.collector")


class Refusal(NamedTuple):
    """Why no tracker request is taken at the moment.

    Args:
        reason: for logs and people.
        retry_after: in how many seconds one may be taken again, as far as can be told.
    """

    reason: str
    retry_after: int


def size_and_room(path: Path) -> tuple[int, int]:
    """Size and free bytes of the disk that a path is on."""
    usage = shutil.disk_usage(path)
    return usage.total, usage.free


class Backlog:
    """Knows whether tracker requests may be taken, without cost for any of them: it is found out beside them.

    Only what trackers sent is counted: an import may wait in the log for as long as it likes. A log that waits for an
    engine is no harm in itself, since everything in it is safe; but it must not fill the disk, and values should not be
    hours old when the engine has to go through it.

    Args:
        log: of which each record is looked at once, about 1 µs each.
        position: gives the place in it that the profiles include.
        settings: the limits.
        clock: seconds, of which only differences count.
        room: gives size and free bytes of the disk.
    """

    def __init__(
        self,
        log: EventLog,
        position: Callable[[], int],
        settings: CollectorSettings,
        clock: Callable[[], float] = time.monotonic,
        room: Callable[[Path], tuple[int, int]] = size_and_room,
    ) -> None:
        self._log, self._position, self._clock, self._room = log, position, clock, room
        self._most, self._least_free = settings.max_lag_bytes, settings.min_free_bytes
        self._counted = 0  # place in the log up to which records were looked at
        self._total = 0  # bytes of trackers up to there
        self._applied = 0  # of these, what the profiles include
        self._marks: deque[tuple[int, int]] = deque()  # place -> total there
        self._pace: deque[tuple[float, int]] = deque()  # time -> applied then
        self.refusal: Refusal | None = None
        """Why no tracker request is taken now; ``None`` if they are."""
        self.waiting_bytes = 0
        """What trackers sent and the profiles do not include, to about a megabyte."""
        self.free_bytes = 0
        """Room on the log's disk."""

    def look(self) -> None:
        """Find out how things are now.

        Raises:
            StoreError: the log holds what this release does not know.
            OSError: the disk cannot be asked.
        """
        now, position = self._clock(), self._position()
        self._count(position)
        while self._marks and self._marks[0][0] <= position:
            self._applied = self._marks.popleft()[1]
        if self._counted <= position:
            self._applied = self._total
        self.waiting_bytes = self._total - self._applied
        self._pace.append((now, self._applied))
        while now - self._pace[0][0] > RATE_SECONDS:
            self._pace.popleft()
        size, self.free_bytes = self._room(self._log.path)
        self._judge(min(self._least_free, int(size * LARGEST_PART)))

    def _count(self, position: int) -> None:
        """Look at records that are new, or of those that waited before this process began."""
        self._counted = max(self._counted, position)
        until = self._clock() + COUNT_SECONDS
        with self._log.reading() as read:
            while records := read(self._counted, COUNT_RECORDS):
                for record in records:
                    if record.kind in _OF_TRACKERS:
                        self._total += len(record.body)
                        if not self._marks or self._total - self._marks[-1][1] >= STEP_BYTES:
                            self._marks.append((record.sequence, self._total))
                self._counted = records[-1].sequence
                if self._clock() > until:
                    break

    def _judge(self, least_free: int) -> None:
        refusing = self.refusal is not None
        most = self._most * (OPEN_AGAIN if refusing else 1)
        least = least_free * (ENOUGH_ROOM if refusing else 1)
        before = self.refusal
        if self._most and self.waiting_bytes > most:
            text = f"{self.waiting_bytes:,} bytes of tracker requests wait for the engine (collector.max_lag_bytes)"
            self.refusal = Refusal(text, self._drained_in(self.waiting_bytes - self._most * OPEN_AGAIN))
        elif self.free_bytes < least:
            text = f"only {self.free_bytes:,} bytes are free on the log's disk (collector.min_free_bytes)"
            self.refusal = Refusal(text, USUAL_RETRY)
        else:
            self.refusal = None
        if before is None and self.refusal is not None:
            logger.error("tracker requests are refused", reason=self.refusal.reason)
        elif before is not None and self.refusal is None:
            logger.info("tracker requests are taken again", waiting_bytes=self.waiting_bytes)

    def _drained_in(self, excess: float) -> int:
        """In how many seconds the engine has applied some bytes, if it goes on as it did."""
        (first, before), (last, applied) = self._pace[0], self._pace[-1]
        if applied <= before or last <= first:
            return USUAL_RETRY
        seconds = math.ceil(excess / (applied - before) * (last - first))
        return min(max(seconds, SHORTEST_RETRY), LONGEST_RETRY)


class BacklogWatch:
    """Looks at a backlog from a thread of its own.

    Args:
        backlog: of this process.
    """

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backlog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        failing = False
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self._backlog.look()
                failing = False
            except Exception as error:
                # What was known last holds on; an append that cannot be made is refused by itself.
                if not failing:
                    logger.error("the backlog cannot be told", error=repr(error))
                failing = True
