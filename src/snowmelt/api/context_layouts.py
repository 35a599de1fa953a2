"""An event log as data, and as text for a prompt."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from snowmelt.api.asgi import encode_json
from snowmelt.compute.event_log_reader import LoggedEvent
from snowmelt.definitions import EventLog

LAYOUT_VERSION: Final = 1
"""Of the JSON layout; not of the definition."""

EVENT: Final = "event_name"
URL: Final = "page_urlpath"
NO_CONTEXT: Final = frozenset({EVENT, URL, "derived_tstamp", "event_id"})
"""What the last column of a narrative never shows."""

_BREAKS: Final = {
    "\n": "\\n",
    "\r": "\\r",
    **{character: f"\\u{ord(character):04x}" for character in "\v\f\x1c\x1d\x1e\x85\u2028\u2029"},
}
"""Whatever ends a line somewhere: no value may begin a line of its own, which could pass for the narrative's."""

_ONE_LINE: Final = str.maketrans(_BREAKS)
_QUOTED: Final = str.maketrans({"\\": "\\\\", "'": "\\'", **_BREAKS})


def as_json(log: EventLog, identifier: str, events: Sequence[LoggedEvent], now: int) -> dict[str, Any]:
    """The log of one session as data, ready to become JSON.

    Args:
        log: the live definition.
        identifier: the session id.
        events: oldest first.
        now: the read time, ms since the epoch.
    """
    prompt = {} if log.prompt is None else {"prompt": log.prompt}
    return {
        "summary": summary(log, events, now),
        "attribute_key": log.attribute_key.name,
        "identifier": identifier,
        "name": log.name,
        "version": LAYOUT_VERSION,
        **prompt,
        "started_at_ms": _started(events),
        "events": [event.values for event in events],
    }


def as_narrative(log: EventLog, identifier: str, events: Sequence[LoggedEvent], now: int) -> str:
    """The log of one session as text, a line for each event. Arguments are those of :func:`as_json`."""
    started = _started(events)
    return "\n".join(
        [
            *([log.prompt] if log.prompt else []),
            "[START CONTEXT]",
            summary(log, events, now),
            "## Real-time user behaviour",
            "Events are ordered from oldest to most recent.",
            "seconds_since_start_of_session, event, url, event_context",
            *[_row(event, started) for event in events],
            "[END CONTEXT]",
        ]
    )


def summary(log: EventLog, events: Sequence[LoggedEvent], now: int) -> str:
    """How recent and how long the session is, and what the log is limited to, in words."""
    limits = f"Based on last {log.max_events} recorded events for the last {log.max_age_seconds} seconds."
    if not events:
        return f"No recorded activity. {limits}"
    page = events[-1].values.get(URL)
    if isinstance(page, str) and page:
        there = list(takewhile(lambda event: event.values.get(URL) == page, reversed(events)))
        recent = f"{_seconds(there[-1].time, now)} seconds on the current page."
    else:
        recent = f"Last activity {_seconds(events[-1].time, now)} seconds ago."
    return f"{recent} Session started {_seconds(_started(events), now)} seconds ago. {limits}"


def _started(events: Sequence[LoggedEvent]) -> int:
    return events[0].time if events else 0


def _seconds(since: int, until: int) -> int:
    # Clocks of trackers and of other machines may be ahead of this one.
    return max(until - since, 0) // 1000


def _row(event: LoggedEvent, started: int) -> str:
    columns = (_plain(event.values.get(name)) for name in (EVENT, URL))
    shown = {name: value for name, value in event.values.items() if name not in NO_CONTEXT}
    return f"{_seconds(started, event.time)}, {', '.join(columns)}, {_written(shown)}"


def _plain(value: Any) -> str:
    """A value in a column of its own."""
    if value is None:
        return ""
    return value.translate(_ONE_LINE) if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    """A value in the narrative's notation: bare names, single quotes, all else as in JSON.

    >>> _written({"tag": "men's", "sizes": [1, 2.5, None, True]})
    "{tag: 'men\\\\'s', sizes: [1, 2.5, null, true]}"
    """
    if isinstance(value, str):
        return f"'{value.translate(_QUOTED)}'"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{str(name).translate(_ONE_LINE)}: {_written(part)}' for name, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return encode_json(value).decode()
