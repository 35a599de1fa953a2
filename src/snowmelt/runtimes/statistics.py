"""What the engine has counted since the data folder was made."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping

import msgspec

from snowmelt.compute.program import Tally


class Statistics(msgspec.Struct):
    """Counts that are committed with the profiles, so that they match them exactly, also after a crash.

    Args:
        payloads: tracker requests read from the log.
        events: events applied to the profiles.
        failed: failed events by category.
        repeated: events that had been applied before, and did not count again.
        unreadable: imported lines that were no JSON object.
        rejected: ``state id:slot`` -> values that could not serve the attribute.
        refused_keys: updates lost to key values over 512 bytes.
        errors: events whose handling raised, and were counted only in part.
        revision: revision of the definitions in force.
        updated: time of the last commit, ms since the epoch.
        last_record: time at which the last record that was read was made, ms since the epoch.
        seen: ids of events that are remembered.
        seen_since: since when they are, ms since the epoch.
        swept: profiles dropped because their every value had expired.
        commits: transactions of events.
        commit_ms: how long they took together, from reading the log to the end of the transaction, in ms.
        unresolved: self-describing data whose schema was not to be had, by the reason why.
        schema_lookups: ``registry:answer`` -> how often a registry was asked and answered so.
        replays: failed events that were tried again, by what came of it.
        held_since: since when events wait for schemas, ms since the epoch; 0 if they do not.
        firings: interventions that have fired, once for all targets; the number of the last.
        fired: ``name_vN`` -> how often it has fired.
        updates: state id -> when an event last updated a profile of that group or event log, ms since the epoch.
    """

    payloads: int = 0
    events: int = 0
    failed: dict[str, int] = {}
    unreadable: int = 0
    rejected: dict[str, int] = {}
    refused_keys: int = 0
    errors: int = 0
    revision: int = 0
    updated: int = 0
    last_record: int = 0
    repeated: int = 0
    seen: int = 0
    seen_since: int = 0
    swept: int = 0
    commits: int = 0
    commit_ms: float = 0.0
    updates: dict[str, int] = {}
    unresolved: dict[str, int] = {}
    schema_lookups: dict[str, int] = {}
    replays: dict[str, int] = {}
    held_since: int = 0
    firings: int = 0
    fired: dict[str, int] = {}

    def add(self, tally: Tally) -> None:
        """Count a batch."""
        self.events += tally.events - tally.unreadable - tally.repeated
        self.repeated += tally.repeated
        self.unreadable += tally.unreadable
        self.errors += len(tally.errors)
        for (state_id, slot), count in tally.rejected.items():
            name = f"{state_id}:{slot}"
            self.rejected[name] = self.rejected.get(name, 0) + count

    def add_failed(self, categories: Counter[str]) -> None:
        """Count failed events."""
        _add(self.failed, categories)

    def add_schemas(self, unresolved: Mapping[str, int], lookups: Mapping[str, int]) -> None:
        """Count what happened to schemas."""
        _add(self.unresolved, unresolved)
        _add(self.schema_lookups, lookups)

    def add_replays(self, counts: Mapping[str, int]) -> None:
        """Count failed events that were tried again."""
        _add(self.replays, counts)

    def add_commit(self, touched: Iterable[int], now: int, seconds: float) -> None:
        """Count a transaction of events.

        Args:
            touched: the state ids whose profiles it updated.
            now: ms since the epoch.
            seconds: how long it took.
        """
        self.updated = now
        self.commits += 1
        self.commit_ms += seconds * 1000
        self.updates |= dict.fromkeys(map(str, touched), now)

    def add_fired(self, titles: Iterable[str]) -> None:
        """Count firings by their intervention."""
        for title in titles:
            self.firings += 1
            self.fired[title] = self.fired.get(title, 0) + 1

    def keep(self, state_ids: Container[int]) -> None:
        """Forget what was counted by state id, but for those that there still are."""
        self.updates = {place: time for place, time in self.updates.items() if int(place) in state_ids}
        self.rejected = {
            place: count for place, count in self.rejected.items() if int(place.split(":")[0]) in state_ids
        }

    def encode(self) -> bytes:
        """The stored form."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, stored: bytes | None) -> "Statistics":
        """What was stored; zeros if nothing was."""
        return msgspec.json.decode(stored, type=cls) if stored else cls()


def _add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        if count:
            counts[name] = counts.get(name, 0) + count
