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
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.replaying import outcomes_of
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
    oldest = log.read(log.tail() - 1, 1) if log.tail() else []
    available = max(oldest[0].time, since) if oldest else now
    while records := log.read(place, RECORDS):
        if clock() > deadline:
            raise OutOfTime("the window has more events than can be counted in the time that a preview has")
        chunks = [
            _of_apps(chunk, app_ids) if app_ids else chunk
            for record in records
            if record.time >= since
            for chunk in _chunks(record, enricher, now)
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


def _chunks(record: Record, enricher: Enricher, now: int) -> Iterator[bytes]:
    """The events of a record as JSON lines; what cannot become one is left out."""
    if record.kind is Kind.EVENTS:
        yield bytes(record.body)
    elif record.kind in (Kind.PAYLOAD, Kind.REPLAY):
        try:
            if record.kind is Kind.REPLAY:
                outcomes = outcomes_of(decode_replay(record.body), enricher, now)
            else:
                outcomes = enricher.enrich(decode_payload(record.body), now)
        except Exception:  # the engine files it as a failed event
            return
        for outcome in outcomes:
            if not isinstance(outcome, FailedEvent):
                yield event_json.encode(outcome.event)


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
