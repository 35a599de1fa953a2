"""From records of the event log to the lines of an output."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from snowmelt.connectors.engine_verdicts import EngineVerdicts
from snowmelt.enrichment.failed import ARTIFACT, VERSION, FailedEvent, unread_payload
from snowmelt.enrichment.failed import size_violation as failed_for_its_size
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.replaying import failed_again, outcomes_of
from snowmelt.enrichment.validation import SchemasUnavailable
from snowmelt.events import json as event_json
from snowmelt.events import tsv
from snowmelt.events.canonical import Event
from snowmelt.events.json_text import dump_json
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.timestamp import format_iso
from snowmelt.settings_connectors import EventFormat
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import Kind, Record, decode_payload, decode_replay, decode_size_violation
from snowmelt.stores.failed_events import Failed

SIZE_VIOLATION = "iglu:com.snowplowanalytics.snowplow.badrows/size_violation/jsonschema/1-0-0"


class Line(NamedTuple):
    """One event of an output.

    Args:
        text: without a line end.
        key: what a partition is chosen by, if the output has one.
    """

    text: bytes
    key: bytes | None = None


class Lines:
    """What an output gets of each record: the events that trackers sent to this server, enriched, and what failed.

    Events that were imported or read from Kafka come from another pipeline, and do not go out again.

    Args:
        line_format: of good events.
        enricher: the same as the engine's.
        verdicts: what the engine made of the same records.
        key: column that becomes each line's key.
    """

    def __init__(
        self, line_format: EventFormat, enricher: Enricher, verdicts: EngineVerdicts, key: str | None = None
    ) -> None:
        self._encode: Callable[[Event], bytes] = (
            (lambda event: tsv.encode(event).encode()) if line_format == "enriched-tsv" else event_json.encode
        )
        self._enricher, self._verdicts, self._key = enricher, verdicts, key

    def of(self, record: Record) -> tuple[list[Line], list[Line]] | None:
        """The good and the failed lines of a record; ``None`` if that cannot be said yet: ask again later.

        Whether a replay counts only the engine can say, once it has come to it; and schemas may not be to be had now.

        The present of enrichment is when the record was made, so that a line that is written again is the same one,
        but for the ids of events that came without one.

        Raises:
            StoreError: the failed events cannot be read.
        """
        try:
            match record.kind:
                case Kind.PAYLOAD | Kind.OVERSIZE:
                    return self._recorded(record)
                case Kind.REPLAY:
                    return self._replayed(record)
        except SchemasUnavailable:
            return None
        return [], []

    def _recorded(self, record: Record) -> tuple[list[Line], list[Line]]:
        """What came of a request."""
        try:
            if record.kind is Kind.OVERSIZE:
                violation = failed_for_its_size(decode_size_violation(record.body), record.time)
                return [], [Line(violation.line())]
            payload = decode_payload(record.body)
        except Exception as error:
            # As the engine does: whatever a record holds, it must be got past.
            payload = CollectorPayload(timestamp=record.time, path="", body=bytes(record.body))
            return [], [Line(_fault(payload, record.time, error))]
        outcomes = self._enricher.enrich(payload, record.time)
        refused = self._verdicts.refused(record.sequence)
        if 0 in refused and refused[0].whole and failed_again(outcomes) is None:
            return [], [Line(dump_json(refused[0].row))]
        return self._written(outcomes, payload, record.time, refused)

    def _replayed(self, record: Record) -> tuple[list[Line], list[Line]] | None:
        """What became an event when it was tried again; what failed again is in the output already."""
        try:
            replay = decode_replay(record.body)
            counted = self._verdicts.counted(record.sequence, replay)
            if counted is None:
                return None
            outcomes = outcomes_of(replay, self._enricher, record.time) if counted else []
        except (SchemasUnavailable, StoreError):
            raise
        except Exception:  # the engine keeps it as a failed event
            return [], []
        if failed_again(outcomes) is not None:
            return [], []
        return self._written(outcomes, replay.payload, record.time, {})

    def _written(
        self, outcomes: Sequence[Outcome], payload: CollectorPayload, time: int, refused: Mapping[int, Failed]
    ) -> tuple[list[Line], list[Line]]:
        """The lines of outcomes; where the engine has refused what is good by now, what it kept of it."""
        good: list[Line] = []
        failed: list[Line] = []
        for item, outcome in enumerate(outcomes):
            try:
                if isinstance(outcome, FailedEvent):
                    failed.append(Line(outcome.line()))
                elif item in refused:
                    failed.append(Line(dump_json(refused[item].row)))
                else:
                    good.append(Line(self._encode(outcome.event), self._key_of(outcome.event)))
            except Exception as error:
                failed.append(Line(_fault(payload, time, error)))
        return good, failed

    def _key_of(self, event: Event) -> bytes | None:
        value: Any = event.get(self._key) if self._key else None
        return str(value).encode() if value is not None else None


def _fault(payload: CollectorPayload, time: int, error: Exception) -> bytes:
    return FailedEvent(
        category="generic_error",
        messages=[{"error": repr(error)}],
        payload=unread_payload(payload),
        timestamp=time,
    ).line()


def size_violation(line: Line, most: int, now: int) -> Line:
    """The failed event that stands for a line that is too long for where it goes: its beginning is all that is kept.

    Args:
        line: good or failed.
        most: bytes that are taken.
        now: ms since the epoch.
    """
    failure = {
        "timestamp": format_iso(now),
        "maximumAllowedSizeBytes": most,
        "actualSizeBytes": len(line.text),
        "expectation": "a line of the output must fit into one message",
    }
    data = {
        "processor": {"artifact": ARTIFACT, "version": VERSION},
        "failure": failure,
        "payload": line.text[: most // 10].decode("utf-8", "replace"),
    }
    return Line(dump_json({"schema": SIZE_VIOLATION, "data": data}))
