"""A clock by which nothing is too old just because somebody has set the machine's clock forward."""

import time
from collections.abc import Callable

_STEP_MS = 2_000
"""A clock that is corrected little by little never gets ahead of itself by as much between two looks."""


class PatientClock:
    """Milliseconds since the epoch by the machine's clock; of a jump forward it takes notice after a while only.

    What is kept for some minutes, so that somebody may come back for it, is dropped by this clock: a jump forward by an
    hour would make all of it an hour old at once. A jump back is followed at once: it makes nothing older.

    Args:
        wait_ms: how long after a jump forward.
        clock: the machine's, ms since the epoch.
        steady: one that nobody sets, in ms.

    >>> now, passed = [1_000_000], [0]
    >>> clock = PatientClock(5_000, lambda: now[0], lambda: passed[0])
    >>> now[0] += 3_600_000
    >>> clock()
    1000000
    >>> now[0], passed[0] = now[0] + 5_000, passed[0] + 5_000
    >>> clock() == now[0]
    True
    """

    def __init__(
        self,
        wait_ms: int,
        clock: Callable[[], int],
        steady: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._wait, self._clock, self._steady = wait_ms, clock, steady
        self._seen, self._seen_at = clock(), steady()
        self._jumped_at: int | None = None

    def __call__(self) -> int:
        now, at = self._clock(), self._steady()
        expected = self._seen + at - self._seen_at
        if now - expected > _STEP_MS:
            if self._jumped_at is None:
                self._jumped_at = self._seen_at
            if at - self._jumped_at < self._wait:
                return expected
        self._seen, self._seen_at, self._jumped_at = now, at, None
        return now
