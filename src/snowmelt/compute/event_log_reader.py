"""From what is stored of an event log to the events that are shown at some moment."""

from typing import Any, NamedTuple

from snowmelt.compute.event_log_plan import plan_event_log
from snowmelt.compute.instant import format_instant
from snowmelt.compute.kept_events import unpacked
from snowmelt.definitions.event_log import EventLog


class LoggedEvent(NamedTuple):
    """One event of a log.

    Args:
        time: when it happened, ms since the epoch.
        values: what was kept of it under its output names, in the order of the names; always its
            ``derived_tstamp``.
    """

    time: int
    values: dict[str, Any]


class EventLogReader:
    """Reads the profiles of one event log.

    Args:
        log: a published definition.

    >>> from snowmelt.compute import state
    >>> from snowmelt.compute.kept_events import packed
    >>> from snowmelt.definitions import EventLogAtomicProperty, EventSelection, PageView, domain_sessionid
    >>> title = EventLogAtomicProperty(name="page_title", output_name="title")
    >>> reader = EventLogReader(EventLog(name="recent", attribute_key=domain_sessionid, max_events=5,
    ...     max_age_seconds=60, events=[EventSelection(event=PageView(), properties=[title])]))
    >>> stored = state.encode([state.VERSION, [[1500, 1500, "e", packed(0, ["Home"])]]])
    >>> reader.read(stored, now=2000)
    [LoggedEvent(time=1500, values={'derived_tstamp': '1970-01-01T00:00:01.500Z', 'title': 'Home'})]
    >>> reader.read(stored, now=62_000), reader.read(None, now=2000)
    ([], [])
    """

    def __init__(self, log: EventLog) -> None:
        self._plan = plan_event_log(log)

    def read(self, stored: bytes | None, now: int) -> list[LoggedEvent]:
        """The events that are shown, oldest first.

        Args:
            stored: the profile's bytes, or ``None`` for a session that was never seen.
            now: ms since the epoch; decides what is too old.

        Cost: about 5 µs an event.
        """
        kept = None if stored is None else self._plan.decode(stored)[1]
        if kept is None:
            return []
        return [self._event(time, entry) for time, _, _, entry in self._plan.keeps.result(kept, now)]

    def _event(self, time: int, entry: bytes) -> LoggedEvent:
        number, found = unpacked(entry)
        names = self._plan.selections[number].names
        values = {name: value for name, value in zip(names, found, strict=True) if value is not None}
        values["derived_tstamp"] = format_instant(time)
        return LoggedEvent(time, dict(sorted(values.items())))
