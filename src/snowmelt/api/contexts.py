"""What happened lately in a session, for an assistant to read: published event logs, without any HTTP."""

from typing import Any, Final

from snowmelt.api.catalog import Catalog
from snowmelt.api.context_layouts import as_json, as_narrative
from snowmelt.api.reading import NowMs, Profiles
from snowmelt.api.revisions import Revisions
from snowmelt.definitions import EventLog
from snowmelt.definitions.enums import ContextFormat

FORMATS: Final[tuple[ContextFormat, ...]] = ("json", "narrative")


class Contexts:
    """Reads event logs (agentic contexts) straight from the stored profiles; for one event loop.

    Args:
        catalog: what can be read.
        profiles: stored states.
        revisions: tells when to look again at what can be read.
        now_ms: the read time, milliseconds since the epoch.
    """

    def __init__(self, catalog: Catalog, profiles: Profiles, revisions: Revisions, now_ms: NowMs) -> None:
        self._catalog = catalog
        self._profiles = profiles
        self._revisions = revisions
        self._now_ms = now_ms

    def published(self) -> list[EventLog]:
        """The event logs that can be read, by name, as they are live."""
        self._catalog.refresh(self._revisions.now())
        return self._catalog.event_logs()

    def read(self, name: str, identifier: str, format: ContextFormat = "json") -> dict[str, Any] | str:
        """The latest events of one session, oldest first.

        Args:
            name: of a published event log.
            identifier: the session id; one that was never seen has an empty log.
            format: ``json``: what ``AgenticContextResponse`` describes; ``narrative``: text
                for a prompt.

        Raises:
            UnknownName: no published event log has this name.

        Cost: about 10 µs, and 5 µs for each event.
        """
        self._catalog.refresh(self._revisions.now())
        found = self._catalog.event_log(name)
        (stored,) = self._profiles.get([(found.state_id, identifier.encode())])
        now = self._now_ms()
        events = found.reader.read(stored, now)
        layout = as_narrative if format == "narrative" else as_json
        return layout(found.log, identifier, events, now)
