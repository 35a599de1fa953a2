"""Asks the engine to try failed events again, and waits for what comes of it."""

import time
from collections.abc import Sequence

import msgspec

from snowmelt.enrichment.replaying import NotReplayable, replay_of
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import Failed, FailedEvents, Filter

CHUNK = 100
LOOK_SECONDS = 0.05

_encode = msgspec.msgpack.Encoder().encode


class Replayer:
    """Appends replays to the event log.

    To be killed does no harm: what was appended is tried, and the engine passes over what is asked for twice.

    Args:
        log: where to append.
        bell: wakes the engine.
        failed: the failed events.
    """

    def __init__(self, log: EventLog, bell: Bell, failed: FailedEvents) -> None:
        self._log, self._bell, self._failed = log, bell, failed
        self._asked = _now_ms()
        self._places: dict[tuple[int, int], int] = {}
        self.refused: list[str] = []
        """Why some cannot be tried again."""

    @property
    def asked(self) -> int:
        """How many are tried again."""
        return len(self._places)

    def ask_all(self, wanted: Filter) -> None:
        """Have all failed events that are meant tried again, the oldest first.

        Raises:
            StoreError: the log cannot be written; those before are tried.
        """
        sequence, item = 0, -1
        # Those that fail meanwhile are not meant.
        until = min(self._asked + 1, wanted.until or 2**62)
        wanted = wanted._replace(until=until)
        while found := self._failed.after(sequence, item, wanted, CHUNK):
            self.ask(found)
            sequence, item = found[-1].sequence, found[-1].item

    def ask(self, found: Sequence[Failed]) -> None:
        """Have some tried again.

        Raises:
            StoreError: the log cannot be written; none of them is tried then.
        """
        replays = []
        for one in found:
            try:
                replays.append(replay_of(one, self._asked))
            except NotReplayable as error:
                self.refused.append(str(error))
        if not replays:
            return
        now = _now_ms()
        last = self._log.append([(Kind.REPLAY, now, _encode(replay)) for replay in replays])
        self._bell.ring()
        for place, replay in enumerate(replays, start=last - len(replays) + 1):
            self._places[replay.sequence, replay.item] = place

    def await_answers(self, seconds: float) -> tuple[int, int, int]:
        """How many became events, failed again, and were not tried after some seconds."""
        deadline = time.monotonic() + seconds
        waiting = dict(self._places)
        good = again = 0
        while True:
            for (sequence, item), place in list(waiting.items()):
                found = self._failed.get(sequence, item)
                if found is not None and found.replayed is None and (found.tried or 0) < place:
                    # The engine goes through the log in order, and so do we.
                    break
                del waiting[sequence, item]
                good += found is None or found.replayed is not None
                again += found is not None and found.replayed is None
            if not waiting or time.monotonic() > deadline:
                return good, again, len(waiting)
            time.sleep(LOOK_SECONDS)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
