"""Log lines about single events: enough to find one by its id, too few to fill a disk."""

import time
from collections import Counter
from collections.abc import Callable

import structlog

LINES_A_SECOND = 10
"""Lines of one kind. What is left out is counted in the next line of its kind, and in the metrics in any case."""

logger = structlog.get_logger("snowmelt.engine")


class EventLines:
    """Gathers what a step of the engine has to tell of single events, and logs it once the step is committed.

    A line holds ids and kinds only. Reasons and identifiers are people's data, which `snowmelt failed show` shows to
    whoever may read the data folder.

    Args:
        clock: seconds.

    >>> lines = EventLines()
    >>> lines.expect("event failed", failed_event="1042:0", event_id=None)
    >>> lines.forget()
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = -1
        self._written: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._expected: list[tuple[str, dict[str, object]]] = []
        self._beyond: Counter[str] = Counter()

    def expect(self, event: str, **ids: object) -> None:
        """A line for when the step is committed; members that are ``None`` are left out."""
        # More than this can never be written of it, whatever the step is.
        if len(self._expected) < 4 * LINES_A_SECOND:
            self._expected.append((event, ids))
        else:
            self._beyond[event] += 1

    def forget(self) -> None:
        """The step was not committed: it will be done again."""
        self._expected.clear()
        self._beyond.clear()

    def write(self) -> None:
        """The step is committed."""
        if not self._expected:
            return
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._written.clear()
        for event, ids in self._expected:
            if self._written[event] >= LINES_A_SECOND:
                self._left_out[event] += 1
                continue
            self._written[event] += 1
            known = {name: value for name, value in ids.items() if value is not None}
            left_out = self._left_out.pop(event, 0)
            logger.info(event, **known, **({"left_out_before": left_out} if left_out else {}))
        self._left_out += self._beyond
        self.forget()
