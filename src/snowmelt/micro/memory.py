"""The outcomes that are remembered, within bounds."""

from collections import deque
from typing import Any, NamedTuple

from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enriched, Outcome
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.events.canonical import Event
from snowmelt.events.json import to_form
from snowmelt.events.json_text import dump_json
from snowmelt.events.mentions import Mentions
from snowmelt.events.timestamp import MAX_MS, MIN_MS, format_iso
from snowmelt.settings_schemas import MicroSettings


class Good(NamedTuple):
    """An event.

    Args:
        app_id: of the application that sent it.
        event_type: such as ``page_view`` or ``unstruct``.
        schema: URI of what it is.
        contexts: URIs of its entities, without those that enrichment added.
        answer: what is told of it, as JSON.
    """

    app_id: str | None
    event_type: str | None
    schema: str | None
    contexts: tuple[str, ...]
    answer: bytes


class Bad(NamedTuple):
    """A failed event.

    Args:
        app_id: of the application that sent it, when known.
        vendor: of the path that it was sent to.
        version: of that path.
        answer: what is told of it, as JSON.
    """

    app_id: str | None
    vendor: str | None
    version: str | None
    answer: bytes


class Counts(NamedTuple):
    """How many outcomes there were since the last reset, remembered or not."""

    good: int = 0
    bad: int = 0


class Memory:
    """Outcomes, the newest of which are remembered.

    Args:
        settings: how many, and how many bytes.
    """

    def __init__(self, settings: MicroSettings) -> None:
        self._settings = settings
        self.good: deque[Good] = deque()
        self.bad: deque[Bad] = deque()
        self._bytes = 0
        self._counts: dict[str | None, Counts] = {}

    def add(self, outcome: Outcome) -> None:
        """Remember an outcome, at the cost of older ones if there is no room."""
        if isinstance(outcome, Enriched):
            good = _good(outcome)
            self._count(good.app_id, good=True)
            self.good.append(good)
            self._bytes += len(good.answer)
        else:
            bad = _bad(outcome)
            self._count(bad.app_id, good=False)
            self.bad.append(bad)
            self._bytes += len(bad.answer)
        self._forget_some()

    def counts(self, app_id: str | None = None) -> Counts:
        """How many there were, of all applications or of one."""
        if app_id is not None:
            return self._counts.get(app_id, Counts())
        return (
            Counts(*(sum(column) for column in zip(*self._counts.values(), strict=True))) if self._counts else Counts()
        )

    def reset(self, app_id: str | None = None) -> None:
        """Forget everything, or everything of one application."""
        if app_id is None:
            self.good.clear()
            self.bad.clear()
            self._counts.clear()
        else:
            self.good = deque(one for one in self.good if one.app_id != app_id)
            self.bad = deque(one for one in self.bad if one.app_id != app_id)
            self._counts.pop(app_id, None)
        self._measure()

    def forget(self, mentions: Mentions) -> None:
        """Forget the outcomes that name somebody who is erased; they have been counted.

        A request that is done names nobody any more: then everything is forgotten.
        """
        if not mentions.subjects:
            self.good.clear()
            self.bad.clear()
        self.good = deque(one for one in self.good if not mentions.in_text(one.answer.decode()))
        self.bad = deque(one for one in self.bad if not mentions.in_text(one.answer.decode()))
        self._measure()

    def _measure(self) -> None:
        self._bytes = sum(len(one.answer) for one in self.good) + sum(len(one.answer) for one in self.bad)

    def _count(self, app_id: str | None, *, good: bool) -> None:
        if app_id not in self._counts and len(self._counts) >= self._settings.max_events:
            # As many applications as events that are remembered: somebody makes them up.
            app_id = None
        before = self._counts.get(app_id, Counts())
        self._counts[app_id] = Counts(before.good + good, before.bad + (not good))

    def _forget_some(self) -> None:
        most, most_bytes = self._settings.max_events, self._settings.max_bytes
        while len(self.good) > most or len(self.bad) > most or self._bytes > most_bytes:
            oldest = self.good.popleft() if len(self.good) >= len(self.bad) else self.bad.popleft()
            self._bytes -= len(oldest.answer)


def _good(outcome: Enriched) -> Good:
    event = outcome.event
    schema = _schema(event)
    contexts = tuple(entity["schema"] for entity in event.get("contexts", ()))
    answer = {
        "rawEvent": None if outcome.raw is None else _raw(outcome.raw),
        "eventType": event.get("event"),
        "schema": schema,
        "contexts": contexts,
        "event": to_form(event),
    }
    return Good(event.get("app_id"), event.get("event"), schema, contexts, dump_json(answer))


def _bad(failed: FailedEvent) -> Bad:
    payload: dict[str, Any] = failed.payload if isinstance(failed.payload, dict) else {}
    raw = payload.get("raw")
    sent = raw or payload
    answer = {
        "collectorPayload": failed.payload if raw is None else None,
        "rawEvent": raw,
        "errors": [failed.reason, *(dump_json(message).decode() for message in failed.messages)],
    }
    return Bad(failed.app_id, sent.get("vendor"), sent.get("version"), dump_json(answer))


def _schema(event: Event) -> str | None:
    parts = [event.get(f"event_{part}") for part in ("vendor", "name", "format", "version")]
    return f"iglu:{'/'.join(map(str, parts))}" if all(parts) else None


def _raw(raw: RawEvent) -> dict[str, Any]:
    payload = raw.payload
    in_range = MIN_MS <= payload.timestamp <= MAX_MS
    return {
        "api": {"vendor": raw.vendor, "version": raw.version},
        "parameters": raw.parameters,
        "contentType": payload.content_type,
        "source": {"name": payload.collector, "encoding": payload.encoding, "hostname": payload.hostname},
        "context": {
            "timestamp": format_iso(payload.timestamp) if in_range else None,
            "ipAddress": payload.ip_address,
            "useragent": payload.user_agent,
            "refererUri": payload.referer,
            "headers": payload.headers,
            "userId": payload.network_userid,
        },
    }
