"""Failed events that are tried again: each becomes an event once, however often it is asked for."""

from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.replaying import failed_again, outcomes_of
from snowmelt.events.payload import Replay
from snowmelt.stores.event_log import Record
from snowmelt.stores.failed_events import FailedEvents, Replayed


class Replays:
    """The replays of one step of the engine.

    The log may ask twice for the same failed event, because somebody did or because the command that asks was killed
    and started again. The first replay that succeeds is written down beside the failed event, with its place in the
    log, before the step is committed: so every other one is passed over, and that one itself is not when the step is
    done again after a crash.

    Args:
        failed: knows what was replayed in earlier steps.
        enricher: makes events of payloads.
    """

    def __init__(self, failed: FailedEvents, enricher: Enricher) -> None:
        self._failed, self._enricher = failed, enricher
        self.done: list[Replayed] = []
        """What came of them, to be written before the step is committed."""
        self.counts = {"good": 0, "failed": 0, "repeated": 0}
        """How many became events, failed again, or had become an event before."""
        self._by: dict[tuple[int, int], int] = {}

    def outcomes(self, record: Record, replay: Replay, now_ms: int) -> list[Outcome]:
        """What the step is to count, and to keep as new failed events: parts of a request that can be read by now.

        Raises:
            SchemasUnavailable: ask again later.
        """
        place = replay.sequence, replay.item
        by = self._by.get(place) or self._failed.replayed_by(*place)
        if by not in (None, record.sequence):
            self.counts["repeated"] += 1
            return []
        outcomes = outcomes_of(replay, self._enricher, now_ms)
        again = failed_again(outcomes)
        if again is not None:
            self.counts["failed"] += 1
            failure = (again.category, again.reason, again.row())
            self.done.append(Replayed(*place, record.sequence, failure))
            return []
        self.counts["good"] += 1
        self._by[place] = record.sequence
        self.done.append(Replayed(*place, record.sequence))
        return outcomes
