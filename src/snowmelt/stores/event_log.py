"""The event log: everything acknowledged, in order, on disk before anybody is told so."""

import struct
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import lmdb
import msgspec

from snowmelt.events.payload import CollectorPayload
from snowmelt.stores.errors import StoreError, StoreFullError

_SEQUENCE = struct.Struct(">Q")
_HEADER = struct.Struct(">cQ")
_TRIM_CHUNK = 2_000

encode_payload = msgspec.msgpack.Encoder().encode
decode_payload = msgspec.msgpack.Decoder(CollectorPayload).decode


class Kind(Enum):
    """What a record of the log is."""

    PAYLOAD = b"P"
    """A tracker request: an encoded ``CollectorPayload``."""
    EVENTS = b"E"
    """Enriched events from elsewhere: JSON lines."""
    DEFINITIONS = b"D"
    """From here on these definitions hold: the registry's snapshot. That a publish is a place in the log is
    what makes a replay count exactly what was counted before."""


class Record(NamedTuple):
    """One record.

    Args:
        sequence: its place, from 1; 0 before it is appended.
        kind: what the body is.
        time: when it was made, ms since the epoch.
        body: its bytes.
    """

    sequence: int
    kind: Kind
    time: int
    body: bytes


class EventLog:
    """An append-only sequence of records in one LMDB environment, written and read by several processes.

    Args:
        path: its folder; made if absent.
        map_size: bytes that the log may grow to (address space, not disk, is reserved).

    Raises:
        StoreError: if the folder cannot be used.

    Cost: an append syncs the disk once whatever the number of records.
    """

    def __init__(self, path: Path, map_size: int = 2**38) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._env = lmdb.open(str(path), map_size=map_size, max_dbs=0, readahead=False, max_readers=512)
        except (OSError, lmdb.Error) as error:
            raise StoreError(
                f"the event log at {path} cannot be opened ({error}): check that the folder is writable and is on a "
                "local disk"
            ) from error

    def append(self, records: Sequence[tuple[Kind, int, bytes]]) -> int:
        """Write records (kind, time in ms, body) and return the last one's place, once they are on the disk.

        Raises:
            StoreFullError: if there is no room; nothing was written then.
            StoreError: if the disk refuses for another reason.
        """
        try:
            with self._env.begin(write=True) as txn:
                last = _last(txn)
                for kind, time, body in records:
                    last += 1
                    txn.put(_SEQUENCE.pack(last), _HEADER.pack(kind.value, time) + body, append=True)
            return last
        except (lmdb.MapFullError, lmdb.DiskError) as error:
            raise StoreFullError(
                f"the event log at {self.path} is full ({error}): free disk space, or raise log.map_size"
            ) from error
        except lmdb.Error as error:
            raise StoreError(f"the event log at {self.path} cannot be written: {error}") from error

    def read(self, after: int, limit: int = 1_000) -> list[Record]:
        """At most ``limit`` records that come after a place, in order."""
        records: list[Record] = []
        with self._env.begin() as txn, txn.cursor() as cursor:
            if cursor.set_range(_SEQUENCE.pack(after + 1)):
                for key, value in cursor:
                    kind, time = _HEADER.unpack_from(value)
                    (sequence,) = _SEQUENCE.unpack(key)
                    records.append(Record(sequence, Kind(kind), time, value[_HEADER.size :]))
                    if len(records) >= limit:
                        break
        return records

    def follow(self, after: int = 0) -> Iterator[Record]:
        """Every record after a place, up to the end as it is when reached."""
        while records := self.read(after):
            yield from records
            after = records[-1].sequence

    def head(self) -> int:
        """The place of the last record, 0 if there is none."""
        with self._env.begin() as txn:
            return _last(txn)

    def tail(self) -> int:
        """The place of the first record that is still there, 0 if there is none."""
        with self._env.begin() as txn, txn.cursor() as cursor:
            return int(_SEQUENCE.unpack(cursor.key())[0]) if cursor.first() else 0

    def trim(self, through: int, older_than: int) -> int:
        """Drop records up to a place that were made before ``older_than`` (ms); the last record always stays.

        Returns:
            How many were dropped. Works in small transactions, so that appends are not held up.
        """
        dropped = 0
        while True:
            with self._env.begin(write=True) as txn, txn.cursor() as cursor:
                stop = min(through, _last(txn) - 1)
                chunk = 0
                more = cursor.first()
                while more and chunk < _TRIM_CHUNK:
                    place = _SEQUENCE.unpack(cursor.key())[0]
                    if place > stop or _HEADER.unpack_from(cursor.value())[1] >= older_than:
                        break
                    more = cursor.delete()
                    chunk += 1
            dropped += chunk
            if chunk < _TRIM_CHUNK:
                return dropped

    def close(self) -> None:
        """Close the environment; records that were appended are safe without it."""
        self._env.close()


def _last(txn: lmdb.Transaction) -> int:
    with txn.cursor() as cursor:
        return int(_SEQUENCE.unpack(cursor.key())[0]) if cursor.last() else 0
