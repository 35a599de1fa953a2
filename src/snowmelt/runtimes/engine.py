"""The engine: records of the event log in, profiles out."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import structlog

from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import Program
from snowmelt.compute.seen_events import SeenEvents
from snowmelt.definitions.wire.delivery import TextValues
from snowmelt.enrichment.failed import FailedEvent, size_violation
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.unreadable import CATEGORY, failed_row, reason_of
from snowmelt.enrichment.validation import SchemasUnavailable
from snowmelt.events import json as event_json
from snowmelt.events.unreadable import decode_unreadable
from snowmelt.iglu.gate import SchemaGate
from snowmelt.interventions.firing import SOON_MS
from snowmelt.runtimes.dispatch import Dispatch
from snowmelt.runtimes.erasures import Erasures
from snowmelt.runtimes.event_lines import EventLines
from snowmelt.runtimes.failed_retention import FailedRetention
from snowmelt.runtimes.firing_step import FiringStep
from snowmelt.runtimes.replays import Replays
from snowmelt.runtimes.snapshot import Snapshot, compiled, read_snapshot
from snowmelt.runtimes.statistics import Statistics
from snowmelt.runtimes.step_trace import OnStep, StepTrace, Untraced
from snowmelt.runtimes.sweep import Sweep
from snowmelt.settings_schemas import FailedEventSettings
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog, Kind, Record, decode_payload, decode_replay, decode_size_violation
from snowmelt.stores.failed_events import Failed, FailedEvents
from snowmelt.stores.outbox import FiringMark
from snowmelt.stores.profiles import Commit, ProfileStore

READ_RECORDS = 256

SHED_PROFILES = 200
"""Profiles that a step frees at least, of those that the cache has let go of."""

HELD_MS = 500
"""How often it is tried whether schemas are to be had again."""

BUSY_SWEEP_MS = 500
"""How often a piece of the expired profiles is looked for while events wait all the time, a few ms each: an engine that
is never idle would let them gather for ever."""

ALARMS = 1_000
"""Alarms of interventions that one transaction looks at, in some tens of ms, so that events hardly wait for them."""

SETTLE_MS = 100
"""An alarm is looked at so much later than it is set for: what happened before it has come into the log by then."""

STEPS_OF_THEIR_OWN = (Kind.DEFINITIONS, Kind.ERASURE)
"""Records that change more than profiles: each is a step."""

Read = Callable[[int, int], Sequence[Record]]

logger = structlog.get_logger("snowmelt.engine")


class Engine:
    """Applies the log to the profiles, one committed step at a time.

    A step's profiles, counts and position are one transaction, so whenever it dies the next start goes on
    exactly where the last commit ended.

    Args:
        log: where records come from.
        store: where profiles go.
        failed: where failed events go.
        enricher: makes events of payloads.
        dispatch: takes interventions that fire; without it none does.
        commit_ms: how long a step may gather events before it commits.
        cache_keys: profiles kept decoded.
        duplicate_hours: how long an event is remembered at least, so as to count once if it is sent again.
        remembered_events: how many are remembered at most.
        sweep_minutes: how often profiles are looked for whose every value has expired; 0 is never.
        gate: what the enricher asks about schemas, to count what it says.
        failed_events: how long failed events are kept.
        on_step: is told of each committed step that has applied events of traced requests.
        erasures: carries out requests to erase somebody; without it they are passed over.
        clock: ms since the epoch.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        store: ProfileStore,
        failed: FailedEvents,
        enricher: Enricher,
        dispatch: Dispatch | None = None,
        commit_ms: float = 400.0,
        cache_keys: int = 100_000,
        duplicate_hours: float = 24.0,
        remembered_events: int = 20_000_000,
        sweep_minutes: float = 60.0,
        gate: SchemaGate | None = None,
        failed_events: FailedEventSettings | None = None,
        on_step: OnStep | None = None,
        erasures: Erasures | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._log = log
        self._store = store
        self._failed = failed
        self._enricher = enricher
        self._gate = gate
        self._retention = FailedRetention(failed, failed_events or FailedEventSettings())
        self._erasures = erasures
        self._held_until = 0
        self._commit_seconds = commit_ms / 1000
        self._clock = clock
        self._cache_keys = cache_keys
        self._horizon_ms, self._remembered_events = int(duplicate_hours * 3_600_000), remembered_events
        self._profiles: dict[int, Profiles] = {}
        self.statistics = Statistics.decode(store.statistics)
        self._program = Program([])
        self._purging: list[int] = []
        self._sweep = Sweep(store, int(sweep_minutes * 60_000))
        self._next_sweep = 0
        self._dispatch = dispatch
        self._texts: TextValues = "plain" if dispatch is None else dispatch.text_values
        self._lines = EventLines()
        self._on_step = on_step
        self._trace: StepTrace = Untraced()
        # After a power cut the profiles were put back: how far the life came that they have forgotten.
        forgotten = dispatch is not None and self.statistics.firings < dispatch.mark.number
        self._lost = dispatch.mark if dispatch is not None and forgotten else None
        self._recall()
        if store.definitions:
            self._define(read_snapshot(store.definitions))

    @property
    def position(self) -> int:
        """The place in the log that the committed profiles include."""
        return self._store.position

    def step(self) -> bool:
        """Apply what is waiting in the log, for at most ``commit_ms``, and commit it.

        Returns:
            Whether there was anything to do. Where schemas are not to be had there is nothing to do until they are.

        Raises:
            StoreError: if a store cannot be written; nothing of the step counts then, and it can be tried again.
        """
        with self._log.reading() as read:
            records = self._unread(read, self.position)
            if records and self._held_ms():
                return self._rest_of_work()
            statistics = msgspec.json.decode(self.statistics.encode(), type=Statistics)
            try:
                if self._lost is not None and self.position >= self._lost.position:
                    busy = self._end_of_lost(self._lost, statistics)
                elif not records:
                    busy = self._commit_alarms(statistics, self._clock() - SETTLE_MS)
                elif records[0].kind is Kind.DEFINITIONS:
                    busy = self._commit_definitions(records[0], statistics)
                elif records[0].kind is Kind.ERASURE:
                    busy = self._commit_erasure(records[0], statistics)
                else:
                    busy = self._commit_events(read, records, statistics)
                    until = min(self._clock() - SETTLE_MS, statistics.last_record)
                    self._commit_alarms(statistics, until if self._lost is None else min(until, self._lost.time))
            except BaseException:
                # What was changed in memory was not stored.
                self._lines.forget()
                self._forget_profiles()
                self._recall()
                raise
        if not busy:
            return self._rest_of_work() or bool(self._retention.piece(self._clock()))
        self.statistics = statistics
        self._lines.write()
        self._send()
        self._erase()
        self._purge()
        now = self._clock()
        if now >= self._next_sweep:
            self._sweep_some()
        self._retention.piece(now)
        return not self._held_until

    def next_alarm(self) -> float | None:
        """In how many seconds there is something to do even if no event comes; ``None`` if there is not."""
        if held := self._held_ms():
            return held / 1000
        now = self._clock()
        at = self._store.next_alarm() if self._dispatch is not None else None
        return None if at is None else max(at + SETTLE_MS - now, 0) / 1000

    def _held_ms(self) -> int:
        """For how long nothing is done because schemas are not to be had; if the clock was put back, not that long."""
        left = self._held_until - self._clock()
        return left if 0 < left <= HELD_MS else 0

    def _rest_of_work(self) -> bool:
        """What is done while no event waits."""
        return self._send() or self._erase() or self._purge() or self._sweep_some()

    def _erase(self) -> bool:
        """Go on with erasures; events wait until one is done."""
        return self._erasures is not None and self._erasures.work()

    def _send(self) -> bool:
        """Pass on what has fired."""
        return self._dispatch is not None and self._dispatch.send()

    def _unread(self, read: Read, position: int) -> Sequence[Record]:
        """The next records; no step goes beyond the place up to which a forgotten life has sent what fired."""
        records, lost = read(position, READ_RECORDS), self._lost
        return records if lost is None else [one for one in records if one.sequence <= lost.position]

    def _commit_events(self, read: Read, records: Sequence[Record], statistics: Statistics) -> bool:
        started = time.monotonic()
        deadline = started + self._commit_seconds
        now = self._clock()
        failed: list[Failed] = []
        replays = Replays(self._failed, self._enricher)
        self._held_until = 0
        if self._on_step is not None:
            self._trace = StepTrace()
        firing = FiringStep(self._profiles, now, self._texts)
        if self._seen is not None and self._seen.turn(records[0].time) and self._seen.shortened:
            logger.warning(
                "events are remembered for a shorter time than they should be: raise engine.remembered_events",
                remembered=len(self._seen),
            )
        with self._store.commit() as commit:
            self._load_from(commit)
            position = commit.position
            while records and records[0].kind not in STEPS_OF_THEIR_OWN:
                chunks: list[bytes | memoryview] = []
                self._trace.mark("enrich")
                for record in records:
                    if record.kind in STEPS_OF_THEIR_OWN:
                        break
                    try:
                        self._read(record, now, chunks, failed, replays, statistics)
                    except SchemasUnavailable as unavailable:
                        self._hold(now, unavailable, statistics)
                        break
                    position, statistics.last_record = record.sequence, record.time
                watching = firing.watch if self._dispatch else None
                self._trace.mark("apply")
                tally = self._program.apply(chunks, self._profiles, now, self._seen, watching)
                statistics.add(tally)
                self._trace.events += tally.events
                for error in tally.errors[:3]:
                    logger.error("an event was counted only in part", error=error, before=position)
                over = self._held_until or time.monotonic() > deadline
                if position != records[-1].sequence or over:
                    break
                records = self._unread(read, position)
            self._trace.mark("commit")
            if not self._held_until:
                statistics.held_since = 0
            if self._gate is not None:
                statistics.add_schemas(*self._gate.take_counts())
            statistics.add_replays(replays.counts)
            commit.store(self._profiles)
            statistics.refused_keys += sum(group.refused for group in self._profiles.values())
            statistics.add_failed(Counter(entry.category for entry in failed))
            touched = [state_id for state_id, group in self._profiles.items() if group.touched]
            statistics.add_commit(touched, now, time.monotonic() - started)
            if self._seen is not None:
                commit.remember(self._seen.started, self._seen.take_fresh(), self._seen.oldest)
                statistics.seen, statistics.seen_since = len(self._seen), self._seen.oldest
            commit.position = position
            self._fire(firing, commit, statistics)
            if failed or replays.done:
                self._failed.add(failed, replays.done)
        if self._on_step is not None and self._trace.requests:
            self._trace.mark("end")
            self._on_step(self._trace)
        self._clear_away()
        return True

    def _commit_alarms(self, statistics: Statistics, until: int) -> bool:
        """Look at a piece of the rules that time alone may make fire.

        Args:
            statistics: counts what fires.
            until: alarms up to this instant (ms since the epoch) are due; every event before it was counted.
        """
        at = self._store.next_alarm() if self._dispatch is not None else None
        if at is None or at > until:
            return False
        firing = FiringStep(self._profiles, until, self._texts)
        with self._store.commit() as commit:
            self._load_from(commit)
            firing.ring(commit.due(until, ALARMS), self._program, until)
            commit.store(self._profiles)
            self._fire(firing, commit, statistics)
        self._clear_away()
        return True

    def _end_of_lost(self, lost: FiringMark, statistics: Statistics) -> bool:
        """Do again, without sending anything, what a forgotten life did by time alone after its last event.

        Second by second, as that did it: what came to hold then may hold no more.
        """
        at = self._store.next_alarm()
        if at is None or not self._commit_alarms(statistics, min(at + SOON_MS, lost.time)):
            # What comes now is new. No number of a firing is used twice; the next commit keeps this one.
            self._lost, statistics.firings = None, lost.number
        return True

    def _load_from(self, commit: Commit) -> None:
        for kept in self._program.kept:
            self._profiles[kept.state_id].load = commit.loader(kept.state_id, kept.decode)

    def _fire(self, step: FiringStep, commit: Commit, statistics: Statistics) -> None:
        """Put what has fired, and the counts, into a transaction; not what a forgotten life has sent."""
        if self._dispatch is not None and step.write(commit, statistics, self._lines, is_new=self._lost is None):
            self._dispatch.expect()
        commit.statistics = statistics.encode()

    def _clear_away(self) -> None:
        for group in self._profiles.values():
            # Faster than new ones come, so that there is an end to it, and a little even of a small step.
            group.shed(SHED_PROFILES + 2 * len(group.touched))
            group.touched.clear()
            group.refused = 0
        if sum(map(len, self._profiles.values())) > self._cache_keys:
            for group in self._profiles.values():
                group.age()

    def _hold(self, now: int, error: SchemasUnavailable, statistics: Statistics) -> None:
        """Go no further for the moment: whether the next event is valid cannot be said now."""
        self._held_until = now + HELD_MS
        if not statistics.held_since:
            statistics.held_since = now
            logger.warning("events wait for schemas", reason=str(error))

    def _sweep_some(self) -> bool:
        """Drop expired profiles in a piece of those that there are."""
        now = self._clock()
        self._next_sweep = now + BUSY_SWEEP_MS
        dropped = self._sweep.piece(self._program.kept, now)
        self.statistics.swept += dropped or 0
        return dropped is not None

    def _recall(self) -> None:
        """Know the events that the store knows, and no others."""
        self._seen = SeenEvents(self._horizon_ms, self._remembered_events) if self._horizon_ms else None
        if self._seen is not None:
            for started, ids in self._store.seen():
                self._seen.restore(started, ids)

    def rest(self) -> None:
        """Have no profiles in memory, so that looking for garbage takes milliseconds, not seconds."""
        self._forget_profiles()

    def _forget_profiles(self) -> None:
        """Have nothing in memory: every profile is loaded when it is asked for again."""
        self._profiles = self._program.fresh_profiles()

    def _read(
        self,
        record: Record,
        now: int,
        chunks: list[bytes | memoryview],
        failed: list[Failed],
        replays: Replays,
        statistics: Statistics,
    ) -> None:
        """The events of a record, as chunks of JSON lines; what cannot become one goes to ``failed``."""
        if record.kind is Kind.EVENTS:
            chunks.append(record.body)
            return
        if record.kind is Kind.UNREADABLE:
            try:
                found = _unreadable(record)
                failed.extend(found)
                for entry in found:
                    self._tell(entry)
            except Exception as error:
                failed.append(_fault(record, 0, now, error))
            return
        # Whatever a record holds, the engine must get past it: it would meet it again at every start.
        outcomes: Sequence[Outcome]
        request_id: str | None = None
        try:
            if record.kind is Kind.OVERSIZE:
                outcomes = [size_violation(decode_size_violation(record.body), now)]
            elif record.kind is Kind.REPLAY:
                outcomes = replays.outcomes(record, decode_replay(record.body), now)
            else:
                payload = decode_payload(record.body)
                request_id = payload.request_id
                outcomes = self._enricher.enrich(payload, now)
                self._trace.request(payload.traceparent, record.sequence)
        except (SchemasUnavailable, StoreError):
            raise
        except Exception as error:
            outcomes = []
            failed.append(_fault(record, 0, now, error))
        statistics.payloads += record.kind is not Kind.REPLAY
        for item, outcome in enumerate(outcomes):
            try:
                if isinstance(outcome, FailedEvent):
                    failed.append(_failed(record, item, outcome))
                    self._tell(failed[-1], outcome.event_id, request_id)
                else:
                    chunks.append(event_json.encode(outcome.event))
            except Exception as error:
                failed.append(_fault(record, item, now, error))

    def _tell(self, entry: Failed, event_id: str | None = None, request_id: str | None = None) -> None:
        """Log a failed event, under the two numbers by which `snowmelt failed show` finds it."""
        name = f"{entry.sequence} {entry.item}"
        self._lines.expect(
            "event failed", failed_event=name, category=entry.category, event_id=event_id, request_id=request_id
        )

    def _commit_definitions(self, record: Record, statistics: Statistics) -> bool:
        snapshot: Snapshot | None = None
        try:
            snapshot = read_snapshot(record.body)
        except msgspec.MsgspecError as error:
            # As with events: it would be met again at every start. Whatever is published next brings all of it.
            fault = _fault(record, 0, self._clock(), error)
            self._failed.add([fault])
            statistics.add_failed(Counter([fault.category]))
        newer = snapshot is not None and snapshot.revision > statistics.revision
        with self._store.commit() as commit:
            commit.position = record.sequence
            if snapshot is not None and newer:
                statistics.revision = snapshot.revision
                statistics.keep(snapshot.state_ids())
                commit.definitions = bytes(record.body)
            commit.statistics = statistics.encode()
        if snapshot is not None and newer:
            self._define(snapshot)
        return True

    def _commit_erasure(self, record: Record, statistics: Statistics) -> bool:
        """Delete what the profiles hold of somebody; the rest of the erasure follows the commit."""
        snapshot = read_snapshot(self._store.definitions) if self._store.definitions else None
        try:
            with self._store.commit() as commit:
                if self._erasures is None:
                    logger.error("a request to erase somebody is passed over", record=record.sequence)
                else:
                    self._erasures.begin(record, commit, snapshot)
                commit.position = record.sequence
                commit.statistics = statistics.encode()
        except BaseException:
            if self._erasures is not None:
                self._erasures.abandon(record.sequence)
            raise
        self._forget_profiles()
        return True

    def _define(self, snapshot: Snapshot) -> None:
        """Run these definitions from here on."""
        self._program = compiled(snapshot)
        self._forget_profiles()
        known = snapshot.state_ids()
        self._purging = [state_id for state_id in self._store.state_ids() if state_id not in known]

    def _purge(self) -> bool:
        """Drop a piece of what deleted groups and event logs left."""
        if not self._purging:
            return False
        if not self._store.purge(self._purging[0]):
            self._purging.pop(0)
        return True


def _failed(record: Record, item: int, event: FailedEvent) -> Failed:
    return Failed(
        record.sequence,
        item,
        event.timestamp,
        event.category,
        event.reason,
        event.row(),
        event.whole,
        event.app_id,
        event.event_name,
    )


def _unreadable(record: Record) -> list[Failed]:
    """The lines of a record that were no events."""
    return [
        Failed(record.sequence, item, record.time, CATEGORY, reason_of(line), failed_row(line))
        for item, line in enumerate(decode_unreadable(record.body))
    ]


def _fault(record: Record, item: int, now: int, error: Exception) -> Failed:
    """What stands for a record, or one of its events, that this release cannot handle at all."""
    logger.error("a record of the log cannot be read", record=record.sequence, error=repr(error))
    row: dict[str, object] = {"error": repr(error), "payload": record.body.hex()}
    return Failed(record.sequence, item, now, "generic_error", f"unreadable log record: {error!r}", row)
