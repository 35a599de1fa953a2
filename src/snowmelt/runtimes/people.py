"""What the stores hold of somebody, and the request to erase it, for the web process."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from snowmelt.compute import state
from snowmelt.compute.event_log_reader import EventLogReader
from snowmelt.compute.reader import GroupReader
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.event_log import EventLog as EventLogDefinition
from snowmelt.events.erasure import Erasure, Subject
from snowmelt.events.mentions import Mentions
from snowmelt.interventions.firing import mark_key
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.erasures import RECEIPT, names
from snowmelt.runtimes.held_rows import goes_to, kept_by, meant_waits, profile_states, rule_states, targets_of
from snowmelt.runtimes.snapshot import Snapshot, read_snapshot
from snowmelt.stores.bell import Bell
from snowmelt.stores.erased_records import about
from snowmelt.stores.event_log import EventLog, Kind, encode_erasure
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.outbox import Delivery, Outbox
from snowmelt.stores.profiles import ProfileReader
from snowmelt.stores.webhook_queue import WebhookQueue
from snowmelt.stores.webhooks import Webhooks

Row = dict[str, Any]

_encode = msgspec.json.Encoder().encode


class StoredPeople:
    """Finds what is held of somebody in all stores, and has it erased.

    Args:
        data: the data folder.
        log: the event log.
        bell: wakes the engine.
        profiles: the profiles.
        outbox: what is on its way to subscribers.
        clock: ms since the epoch.
    """

    def __init__(
        self,
        data: DataDir,
        log: EventLog,
        bell: Bell,
        profiles: ProfileReader,
        outbox: Outbox,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._data, self._log, self._bell, self._profiles, self._outbox = data, log, bell, profiles, outbox
        self._clock = clock

    def erase(self, subjects: Sequence[Subject]) -> str:
        """Put the request into the event log, so that it stands between the events before and after it.

        Returns:
            The id under which its receipt will be found.

        Raises:
            StoreError: the log cannot be written; nothing will be erased then.
        """
        now = self._clock()
        erasure = Erasure(id=uuid4().hex, time=now, subjects=tuple(subjects))
        self._log.append([(Kind.ERASURE, now, encode_erasure(erasure))])
        self._bell.ring()
        return erasure.id

    def receipt(self, id: str) -> bytes | None:
        """The receipt of an erasure that is done, as JSON."""
        try:
            return (self._data.erasures / f"{id}{RECEIPT}").read_bytes()
        except FileNotFoundError:
            return None

    def held(self, subjects: Sequence[Subject]) -> bytes:
        """Everything that is held, as JSON.

        Cost: reads the event log, failed events and waits of interventions through: about 1 s a GB, and more for
        identifiers of few letters.
        """
        mentions, now = Mentions(subjects), self._clock()
        definitions = self._profiles.definitions()
        snapshot = read_snapshot(definitions) if definitions else None
        answer = {
            "identifiers": [{"attribute_key": one.key, "identifier": one.identifier} for one in subjects],
            "exported": _instant(now),
            **self._rows(snapshot, subjects, now),
            "deliveries": [
                _delivery(one)
                for one in (*self._profiles.pending(), *self._outbox.meant(lambda one: True))
                if goes_to(one, subjects)
            ],
            "webhook_messages": self._webhook_messages(subjects),
            "failed_events": self._failed_events(mentions),
            "log_records": list(self._log_records(mentions)),
        }
        return _encode(answer)

    def _rows(self, snapshot: Snapshot | None, subjects: Sequence[Subject], now: int) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {kind: [] for kind in ("values", "event_logs", "interventions", "timers")}
        kept, states = kept_by(snapshot), self._profiles.state_ids()
        readers = _readers(snapshot)
        for subject in subjects:
            whom = {"attribute_key": subject.key, "identifier": subject.identifier}
            for state_id in profile_states(states, kept, subject):
                (stored,) = self._profiles.get([(state_id, subject.identifier.encode())])
                if stored is not None:
                    kind, read = readers.get(state_id, ("values", _raw))
                    found[kind].append(whom | read(stored, now))
            for state_id in rule_states(states, kept):
                title = kept[state_id].title if state_id in kept else None
                for name in subject.names:
                    (stored,) = self._profiles.get([(state_id, mark_key(name, subject.identifier).encode())])
                    if stored is not None:
                        times = state.decode(stored)[1]
                        found["interventions"].append(whom | {"intervention": title, "times": times})
                for _, wait in meant_waits(self._profiles.waits(state_id), kept, subject):
                    due = None if wait.due is None else _instant(wait.due)
                    found["timers"].append(whom | {"intervention": title, "due": due})
        return found

    def _webhook_messages(self, subjects: Sequence[Subject]) -> list[Row]:
        if not self._data.webhooks.exists():
            return []
        with closing(Webhooks(self._data.webhooks)) as webhooks:
            found = WebhookQueue(webhooks).meant(targets_of(subjects))
        return [
            {"endpoint": endpoint, "id": one.id, "made": _instant(one.made), "message": msgspec.Raw(one.body)}
            for endpoint, one in found
        ]

    def _failed_events(self, mentions: Mentions) -> list[Row]:
        if not self._data.failed_events.exists():
            return []
        with closing(FailedEvents(self._data.failed_events)) as failed:
            return [
                {
                    "sequence": one.sequence,
                    "item": one.item,
                    "time": _instant(one.time),
                    "category": one.category,
                    "reason": one.reason,
                    "row": one.row,
                }
                for one in failed.meant(lambda one: names(one, mentions))
            ]

    def _log_records(self, mentions: Mentions) -> Iterator[Row]:
        for record in self._log.follow():
            found = about(record, mentions)
            if found is not None:
                yield {"sequence": record.sequence, "time": _instant(record.time), **found}


def _readers(snapshot: Snapshot | None) -> dict[int, tuple[str, Callable[[bytes, int], Row]]]:
    """By state id: of which kind it is, and what makes values of what is stored."""
    found: dict[int, tuple[str, Callable[[bytes, int], Row]]] = {}
    for entry in snapshot.groups if snapshot else ():
        found[entry.state_id] = "values", _group_values(AttributeGroup.model_validate(entry.group), entry.published)
    for log in snapshot.event_logs if snapshot else ():
        found[log.state_id] = "event_logs", _events(EventLogDefinition.model_validate(log.event_log), log.published)
    return found


def _group_values(group: AttributeGroup, published: bool) -> Callable[[bytes, int], Row]:
    reader = GroupReader(group)

    def read(stored: bytes, now: int) -> Row:
        values = dict(zip(reader.names, reader.read(stored, now), strict=True))
        return {"group": group.name, "version": group.version, "published": published, "values": values}

    return read


def _events(log: EventLogDefinition, published: bool) -> Callable[[bytes, int], Row]:
    reader = EventLogReader(log)

    def read(stored: bytes, now: int) -> Row:
        return {
            "event_log": log.name,
            "published": published,
            "events": [one.values for one in reader.read(stored, now)],
        }

    return read


def _raw(stored: bytes, now: int) -> Row:
    """What no definition explains any more, and is about to be dropped."""
    return {"group": None, "state": state.decode(stored)[1:]}


def _delivery(delivery: Delivery) -> Row:
    return {"id": str(delivery.id), "intervention": msgspec.Raw(delivery.payload)}


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
