"""An engine on real stores that can die and start again, and what is put into its log."""

from pathlib import Path
from typing import Any

import msgspec

from firing_oracle import names_in
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.events.payload import CollectorPayload
from snowmelt.runtimes.dispatch import Dispatch
from snowmelt.runtimes.engine import Engine
from snowmelt.stores.event_log import EventLog, Kind, encode_payload
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.profiles import ProfileStore

NOW = 1_767_225_600_000
MB = 1024**2
TP2 = "/com.snowplowanalytics.snowplow/tp2"
PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"

Wire = dict[str, Any]


def attribute(**members: Any) -> Wire:
    return {"name": "n", "type": "int64", "aggregation": "counter", "events": []} | members


def group(name: str = "g", *attributes: Wire, **members: Any) -> Wire:
    return {
        "name": name,
        "version": 1,
        "owner": "a@example.com",
        "attribute_key": {"name": "user_id"},
        "attributes": list(attributes or [attribute()]),
    } | members


def rule(name: str = "hello", criteria: Wire | None = None, **members: Any) -> Wire:
    """An intervention for users; by default it fires with the second page view."""
    return {
        "name": name,
        "version": 1,
        "owner": "a@example.com",
        "is_published": True,
        "criteria": criteria or {"attribute": "g:n", "operator": ">", "value": 1},
        "target_attribute_keys": [{"name": "user_id"}],
    } | members


def event_log(**members: Any) -> Wire:
    kept = [{"type": "atomic", "name": "page_urlpath", "output_name": "path"}]
    return {
        "name": "recent",
        "attribute_key": {"name": "domain_sessionid"},
        "events": [{"event": {"name": "page_view"}, "properties": kept}],
        "max_events": 3,
        "max_age_seconds": 60,
    } | members


def page_view(user: str, **parameters: Any) -> Wire:
    return {"e": "pv", "p": "web", "tv": "js-4.6.0", "uid": user} | parameters


def request(*events: Wire, **facts: Any) -> CollectorPayload:
    """What the collector records of events that are POSTed together."""
    usual: dict[str, Any] = {
        "timestamp": NOW,
        "path": TP2,
        "body": msgspec.json.encode({"schema": PAYLOAD_DATA, "data": list(events)}),
        "content_type": "application/json; charset=utf-8",
        "network_userid": "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11",
        "collector": "snowmelt-test",
    }
    return CollectorPayload(**usual | facts)


class Machine:
    """An engine and its stores in a folder; the engine can die and start again."""

    def __init__(self, folder: Path, enricher: Enricher | None = None, **options: Any) -> None:
        self._folder, self._options = folder, options
        self._enricher = enricher or Enricher()
        self.now = NOW
        self.log = EventLog(folder / "log", map_size=64 * MB)
        self.failed = FailedEvents(folder / "failed.sqlite")
        self.outbox = Outbox(folder / "outbox", map_size=MB, clock=lambda: self.now)
        self.mailboxes = Mailboxes(folder / "mailboxes")
        self.map_size = 64 * MB
        self.start()

    def start(self) -> None:
        self.store = ProfileStore(self._folder / "profiles", self.map_size)
        self.engine = Engine(
            log=self.log,
            store=self.store,
            failed=self.failed,
            enricher=self._enricher,
            dispatch=Dispatch(self.store, self.outbox, self.mailboxes, lambda: self.now),
            clock=lambda: self.now,
            **self._options,
        )

    def die(self) -> None:
        # Nothing is synced or finished, as when the process is killed.
        self.store._env.close()

    def restart(self) -> None:
        self.die()
        self.start()

    def define(
        self,
        revision: int,
        groups: dict[int, Wire],
        frozen: frozenset[int] = frozenset(),
        logs: dict[int, Wire] | None = None,
        rules: dict[int, Wire] | None = None,
        resting: tuple[int, ...] = (),
    ) -> None:
        entries = [
            {"state_id": state_id, "published": state_id not in frozen, "group": one}
            for state_id, one in groups.items()
        ]
        kept = [
            {"state_id": state_id, "published": state_id not in frozen, "event_log": one}
            for state_id, one in (logs or {}).items()
        ]
        firing = [
            {
                "state_id": state_id,
                "since": self.now,
                "targets": [key["name"] for key in rule["target_attribute_keys"]],
                "sources": dict.fromkeys(names_in(rule["criteria"]), 1),
                "intervention": rule,
            }
            for state_id, rule in (rules or {}).items()
        ]
        body = msgspec.json.encode(
            {"revision": revision, "groups": entries, "event_logs": kept, "interventions": firing, "resting": resting}
        )
        self.log.append([(Kind.DEFINITIONS, self.now, body)])

    def track(self, *users: str) -> None:
        """A request with a page view of each user."""
        self.append(request(*map(page_view, users)))

    def append(self, payload: CollectorPayload) -> None:
        self.log.append([(Kind.PAYLOAD, self.now, encode_payload(payload))])

    def insert(self, *lines: bytes) -> None:
        """Enriched events from elsewhere."""
        self.log.append([(Kind.EVENTS, self.now, b"\n".join(lines))])

    def run(self) -> None:
        """Work until nothing is left to do."""
        while self.engine.step():
            pass
        assert self.engine.position == self.log.head()

    def sent(self) -> list[tuple[str, str]]:
        """The interventions in the outbox, each with the identifier of its first target, in order."""
        return [
            (msgspec.json.decode(delivery.payload)["name"], delivery.targets[0][1]) for delivery in self.outbox.read(0)
        ]

    def profile(self, state_id: int, user: str) -> list[Any] | None:
        with self.store.commit() as commit:
            return commit.loader(state_id)(user)

    def value(self, state_id: int, user: str, slot: int = 1) -> Any:
        profile = self.profile(state_id, user)
        return profile and profile[slot]

    def close(self) -> None:
        self.store.close()
        self.outbox.close()
        self.failed.close()
        self.log.close()
