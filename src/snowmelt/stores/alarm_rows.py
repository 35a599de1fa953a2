"""When rules are to be looked at without an event: rows of the profile store, in the order of time."""

import struct
from collections.abc import Iterable
from typing import NamedTuple

import lmdb

from snowmelt.interventions.alarm import Alarm

_PLACE = struct.Struct(">QI")


class DueAlarm(NamedTuple):
    """An alarm as it stands in the store.

    Args:
        at: what it is set for, ms since the epoch.
        state_id: of the rule.
        key: under which the rule remembers for whom.
    """

    at: int
    state_id: int
    key: str


class AlarmRows:
    """Reads and writes the rows inside a transaction; keeps nothing itself. A row takes about 60 bytes.

    Args:
        prefix: what the keys of all rows begin with.
    """

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix

    def set(self, txn: lmdb.Transaction, alarms: Iterable[Alarm]) -> None:
        """Make changes, one after the other."""
        for alarm in alarms:
            if alarm.old is not None:
                txn.delete(self._key(alarm.old, alarm))
            if alarm.new is not None:
                txn.put(self._key(alarm.new, alarm), b"")

    def due(self, txn: lmdb.Transaction, until: int, limit: int) -> list[DueAlarm]:
        """At most ``limit`` alarms for instants up to ``until``, in order."""
        found: list[DueAlarm] = []
        with txn.cursor() as cursor:
            more = cursor.set_range(self._prefix)
            while more and len(found) < limit and (row := self._row(cursor)) and row.at <= until:
                found.append(row)
                more = cursor.next()
        return found

    def next(self, txn: lmdb.Transaction) -> int | None:
        """What the first alarm is set for."""
        with txn.cursor() as cursor:
            row = self._row(cursor) if cursor.set_range(self._prefix) else None
            return None if row is None else row.at

    def _key(self, at: int, alarm: Alarm) -> bytes:
        return self._prefix + _PLACE.pack(max(at, 0), alarm.state_id) + alarm.key.encode()

    def _row(self, cursor: lmdb.Cursor) -> DueAlarm | None:
        """The row that the cursor is at, or ``None`` if it is at something else."""
        key = bytes(cursor.key())
        if not key.startswith(self._prefix):
            return None
        start = len(self._prefix)
        at, state_id = _PLACE.unpack_from(key, start)
        return DueAlarm(at, state_id, key[start + _PLACE.size :].decode())
