"""Reads the event log for itself, so that what was acknowledged can be seen at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from snowmelt.enrichment.failed import size_violation
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.replaying import outcomes_of
from snowmelt.events.mentions import Mentions
from snowmelt.micro.memory import Counts, Memory
from snowmelt.stores.event_log import (
    EventLog,
    Kind,
    Record,
    decode_erasure,
    decode_payload,
    decode_replay,
    decode_size_violation,
)

logger = structlog.get_logger("snowmelt.micro")


class Follower:
    """Enriches what the log holds since this process was started, whenever somebody asks.

    It need not wait for the engine, and does not disturb it. Events that were imported are passed over.

    Args:
        log: the event log.
        enricher: makes events of payloads, as the engine's does.
        memory: where outcomes go.
    """

    def __init__(self, log: EventLog, enricher: Enricher, memory: Memory) -> None:
        self._log, self._enricher = log, enricher
        self._memory = memory
        self._position = log.head()
        self._lock = threading.Lock()

    @contextmanager
    def caught_up(self) -> Iterator[Memory]:
        """The memory, with all that was in the log when this was called; nobody changes it meanwhile."""
        with self._lock:
            self._catch_up()
            yield self._memory

    def reset(self, app_id: str | None) -> Counts:
        """Forget what came up to now, of all applications or of one; gives the counts that are left."""
        with self._lock:
            if app_id is None:
                self._position = self._log.head()
            else:
                self._catch_up()
            self._memory.reset(app_id)
            return self._memory.counts(app_id)

    def _catch_up(self) -> None:
        head = self._log.head()
        while self._position < head and (records := self._log.read(self._position)):
            for record in records:
                if record.kind is Kind.ERASURE:
                    self._memory.forget(Mentions(decode_erasure(record.body).subjects))
                for outcome in self._outcomes(record):
                    self._memory.add(outcome)
                self._position = record.sequence

    def _outcomes(self, record: Record) -> list[Outcome]:
        now = time.time_ns() // 1_000_000
        try:
            match record.kind:
                case Kind.PAYLOAD:
                    return self._enricher.enrich(decode_payload(record.body), now)
                case Kind.OVERSIZE:
                    return [size_violation(decode_size_violation(record.body), now)]
                case Kind.REPLAY:
                    return outcomes_of(decode_replay(record.body), self._enricher, now)
        except Exception as error:
            # The engine keeps such a record as a failed event of its own.
            logger.error("a record of the log cannot be read", record=record.sequence, error=repr(error))
        return []
