"""Recent events of the log, counted anew: into profiles of their own, which nobody else sees."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec

from snowmelt.compute.plan import GroupPlan
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import Program
from snowmelt.compute.seen_events import SeenEvents
from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.replaying import failed_again, outcomes_of
from snowmelt.errors import SnowmeltError
from snowmelt.events import json as event_json
from snowmelt.stores.event_log import EventLog, Kind, Record, decode_payload, decode_replay

RECORDS = 500
"""Are read from the log at once, and not more, so that the log's pages are not held."""
MOST_EVENTS_REMEMBERED = 2_000_000
EVER_MS = 2**50


class OutOfTime(SnowmeltError):
    """The events of the window are too many for the time that a preview has."""

    code = "out_of_time"


class Replay(NamedTuple):
    """What a replay has made.

    Args:
        profiles: by state id, those of the groups.
        since: from when on events were there, ms since the epoch; later than was asked for if the log has dropped
            what is older, or did not exist.
    """

    profiles: dict[int, Profiles]
    since: int


class _App(msgspec.Struct):
    app_id: object = None


_app_of = msgspec.json.Decoder(_App).decode


def replay(
    log: EventLog,
    enricher: Enricher,
    plans: Sequence[GroupPlan],
    since: int,
    now: int,
    app_ids: Collection[str] = (),
    deadline: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> Replay:
    """Count the events that the log got since some instant; each once, as the engine does.

    Args:
        log: is only read.
        enricher: makes events of tracker requests, as the engine's does.
        plans: the groups, with different state ids.
        since: ms since the epoch.
        now: the present, ms since the epoch.
        app_ids: only events of these apps; all if there are none.
        deadline: of ``clock``.
        clock: seconds.

    Raises:
        OutOfTime: not done by the deadline.

    Cost: as much as the engine takes for them, some 100 µs for each tracker request.
    """
    program = Program(plans)
    profiles = program.fresh_profiles()
    seen = SeenEvents(EVER_MS, MOST_EVENTS_REMEMBERED)
    place = _place_before(log, since)
    window = _Window(enricher, since, now, place)
    oldest = log.read(log.tail() - 1, 1) if log.tail() else []
    available = max(oldest[0].time, since) if oldest else now
    while records := log.read(place, RECORDS):
        if clock() > deadline:
            raise OutOfTime("the window has more events than can be counted in the time that a preview has")
        chunks = [
            _of_apps(chunk, app_ids) if app_ids else chunk for record in records for chunk in window.chunks(record)
        ]
        program.apply(chunks, profiles, now, seen)
        place = records[-1].sequence
    return Replay(profiles, available)


def _place_before(log: EventLog, since: int) -> int:
    """A place in the log after which everything is that came since some instant, found by halving."""
    low, high = max(log.tail() - 1, 0), log.head()
    while low < high:
        middle = (low + high) // 2
        found = log.read(middle, 1)
        # Several processes write, each with a clock that it has read a moment before.
        if found and found[0].time < since - 10_000:
            low = found[0].sequence
        else:
            high = middle
    return low


class _Window:
    """The events of a stretch of the log.

    A failed event that was tried again counts once. If what was wrong with it is mended by now, it is good where it
    came first, and then its replays are passed over: one that its tracker gave no id could not be told by that.

    Args:
        enricher: makes events of requests.
        since: where it begins, ms since the epoch.
        now: the present, the same.
        place: a place in the log before all of it.
    """

    def __init__(self, enricher: Enricher, since: int, now: int, place: int) -> None:
        self._enricher, self._since, self._now, self._place = enricher, since, now, place
        self._not_judged: set[int] = set()
        self._failing: set[tuple[int, int]] = set()
        self._stands_for: dict[int, int] = {}
        self._mended: set[tuple[int, int]] = set()

    def chunks(self, record: Record) -> Iterator[bytes]:
        """The events of the next record as JSON lines; what cannot become one is left out."""
        if record.time < self._since:
            self._not_judged.add(record.sequence)
            return
        if record.kind is Kind.EVENTS:
            yield bytes(record.body)
        elif record.kind in (Kind.PAYLOAD, Kind.REPLAY):
            try:
                outcomes = self._replayed(record) if record.kind is Kind.REPLAY else self._requested(record)
            except Exception:  # the engine files it as a failed event
                return
            for outcome in outcomes:
                if not isinstance(outcome, FailedEvent):
                    yield event_json.encode(outcome.event)

    def _requested(self, record: Record) -> list[Outcome]:
        outcomes = self._enricher.enrich(decode_payload(record.body), self._now)
        self._note_failing(record, outcomes)
        return outcomes

    def _replayed(self, record: Record) -> list[Outcome]:
        replay = decode_replay(record.body)
        request = self._stands_for.get(replay.sequence, replay.sequence)
        first = request, replay.item
        was_judged = request > self._place and request not in self._not_judged
        if first in self._mended or (was_judged and first not in self._failing):
            # What failed of it when it was tried again as a whole is known by its place.
            self._stands_for[record.sequence] = request
            return []
        outcomes = outcomes_of(replay, self._enricher, self._now)
        if failed_again(outcomes) is None:
            self._mended.add(first)
            self._note_failing(record, outcomes)
        return outcomes

    def _note_failing(self, record: Record, outcomes: Sequence[Outcome]) -> None:
        failing = (item for item, outcome in enumerate(outcomes) if isinstance(outcome, FailedEvent))
        self._failing.update((record.sequence, item) for item in failing)


def _of_apps(chunk: bytes, app_ids: Collection[str]) -> bytes:
    lines = []
    for line in chunk.splitlines():
        try:
            app_id = _app_of(line).app_id
        except msgspec.DecodeError:  # no event at all
            continue
        if isinstance(app_id, str) and app_id in app_ids:
            lines.append(line)
    return b"\n".join(lines)
