"""The event log: everything acknowledged, in order, on disk before anybody is told so."""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import lmdb
import msgspec

from snowmelt.events.erasure import Erasure
from snowmelt.events.payload import CollectorPayload, Replay, SizeViolation
from snowmelt.stores.damage import DamagedError
from snowmelt.stores.environment import Environment, explained
from snowmelt.stores.errors import StoreError
from snowmelt.stores.notes import PREFIX, Note, kind_prefix, note_key
from snowmelt.stores.notes import change as change_note
from snowmelt.stores.rewriting import draft_of

_SEQUENCE = struct.Struct(">Q")
_HEADER = struct.Struct(">cQ")
_NO_PLACE = PREFIX
_FIRST_PLACE = _SEQUENCE.pack(1)
_TRIM_CHUNK = 2_000
_READ_TOGETHER = 1_000
_LEAST_RESERVE = 64 * 1024
_USUAL_RECORD = 64 * 1024
READ_BYTES = 8 * 1024**2

encode_payload = msgspec.msgpack.Encoder().encode
decode_payload = msgspec.msgpack.Decoder(CollectorPayload).decode
decode_size_violation = msgspec.msgpack.Decoder(SizeViolation).decode
decode_replay = msgspec.msgpack.Decoder(Replay).decode
encode_erasure = msgspec.msgpack.Encoder().encode
decode_erasure = msgspec.msgpack.Decoder(Erasure).decode


class Kind(Enum):
    """What a record of the log is."""

    PAYLOAD = b"P"
    """A tracker request: an encoded ``CollectorPayload``."""
    OVERSIZE = b"O"
    """What is left of a request that was too large: an encoded ``SizeViolation``."""
    REPLAY = b"R"
    """A failed event that is to be tried again: an encoded ``Replay``."""
    EVENTS = b"E"
    """Enriched events from elsewhere: JSON lines."""
    UNREADABLE = b"U"
    """Lines from elsewhere that are no events: encoded ``UnreadableLine``s."""
    DEFINITIONS = b"D"
    """From here on these definitions hold: the registry's snapshot. That a publish is a place in the log is
    what makes a replay count exactly what was counted before."""
    ERASURE = b"X"
    """What is held about somebody is to go: an encoded ``Erasure``, which names nobody any more once that is done."""


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
    body: bytes | memoryview


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
        self._env = Environment(path, map_size, "event log")
        # LMDB needs room to delete, too: without it a full log could never be trimmed.
        self._room = map_size - max(map_size // 32, _LEAST_RESERVE)

    def append(self, records: Sequence[tuple[Kind, int, bytes]], notes: Iterable[Note] = ()) -> int:
        """Write records (kind, time in ms, body) and return the last one's place, once they are on the disk.

        Args:
            records: to append; may be none, to change notes only.
            notes: changed in the same transaction.

        Raises:
            NoteMovedError: if another process has changed a note; nothing was written then.
            StoreFullError: if there is no room; nothing was written then.
            StoreError: if the disk refuses for another reason.
        """
        with self._explained(), self._env.begin(write=True) as txn:
            for note in notes:
                change_note(txn, note)
            last = _last(txn)
            for kind, time, body in records:
                last += 1
                txn.put(_SEQUENCE.pack(last), _HEADER.pack(kind.value, time) + body, append=True)
            # Notes alone may use what is left: trimming waits for some of them.
            if records and _bytes_used(txn) > self._room:
                raise lmdb.MapFullError("what is left is kept for trimming")
        return last

    def try_write(self) -> None:
        """Find out whether a record of 64 KB could be appended now, by a synced write that leaves nothing.

        Raises:
            StoreFullError: if there is no room.
            StoreError: if the disk refuses for another reason.
        """
        with self._explained(), self._env.begin(write=True) as txn:
            if _bytes_used(txn) + _USUAL_RECORD > self._room:
                raise lmdb.MapFullError("what is left is kept for trimming")
            txn.put(_NO_PLACE, b"")
            txn.delete(_NO_PLACE)

    def read(self, after: int, limit: int = 1_000) -> list[Record]:
        """At most ``limit`` records that come after a place, in order.

        Raises:
            StoreError: if a newer release has written a kind of record that this one does not know.
        """
        with self.reading() as read:
            return [record._replace(body=bytes(record.body)) for record in read(after, limit)]

    @contextmanager
    def reading(self) -> Iterator[Callable[[int, int], list[Record]]]:
        """A function like :meth:`read` that copies nothing, on the log as it is now.

        The bodies are views of the log itself: they must not be used after the context has ended. No more
        records are given at once than fill 8 MB.
        """
        with self._explained(), self._env.begin(buffers=True) as txn, txn.cursor() as cursor:
            yield lambda after, limit: self._records(cursor, after, limit)

    def _records(self, cursor: lmdb.Cursor, after: int, limit: int) -> list[Record]:
        records: list[Record] = []
        size = 0
        found = cursor.set_range(_SEQUENCE.pack(after + 1))
        while found and len(records) < limit and size < READ_BYTES:
            value = cursor.value()
            (sequence,) = _SEQUENCE.unpack(cursor.key())
            if len(value) < _HEADER.size:
                raise DamagedError("event log", self.path, f"record {sequence} is cut off")
            mark, time = _HEADER.unpack_from(value)
            records.append(Record(sequence, self._kind(mark, sequence), time, value[_HEADER.size :]))
            size += len(value)
            found = cursor.next()
        return records

    def note(self, kind: str, *name: str) -> bytes | None:
        """What a note holds, or ``None`` if there is none."""
        with self._env.begin() as txn:
            stored: bytes | None = txn.get(note_key(kind, name))
            return stored

    def notes(self, kind: str) -> list[bytes]:
        """What the notes of a kind hold, in no order that means anything."""
        found: list[bytes] = []
        prefix = kind_prefix(kind)
        with self._env.begin() as txn, txn.cursor() as cursor:
            more = cursor.set_range(prefix)
            while more and cursor.key().startswith(prefix):
                found.append(cursor.value())
                more = cursor.next()
        return found

    def follow(self, after: int = 0) -> Iterator[Record]:
        """Every record after a place, up to the end as it is when reached."""
        while records := self.read(after):
            yield from records
            after = records[-1].sequence

    def head(self) -> int:
        """The place of the last record, 0 if there is none."""
        with self._explained(), self._env.begin() as txn:
            return _last(txn)

    def tail(self) -> int:
        """The place of the first record that is still there, 0 if there is none."""
        with self._explained(), self._env.begin() as txn, txn.cursor() as cursor:
            return int(_SEQUENCE.unpack(cursor.key())[0]) if cursor.set_range(_FIRST_PLACE) else 0

    def trim(self, through: int, older_than: int) -> int:
        """Drop records up to a place that were made before ``older_than`` (ms); the last record always stays.

        Returns:
            How many were dropped. Works in small transactions, so that appends are not held up.

        Raises:
            StoreError: if the disk refuses.
        """
        dropped = 0
        while True:
            with self._explained(), self._env.begin(write=True) as txn, txn.cursor() as cursor:
                stop = min(through, _last(txn) - 1)
                chunk = 0
                more = cursor.set_range(_FIRST_PLACE)
                while more and chunk < _TRIM_CHUNK:
                    place = _SEQUENCE.unpack(cursor.key())[0]
                    if place > stop or _HEADER.unpack_from(cursor.value())[1] >= older_than:
                        break
                    more = cursor.delete()
                    chunk += 1
            dropped += chunk
            if chunk < _TRIM_CHUNK:
                break
        if dropped:
            # LMDB uses pages again from the second commit after they were freed.
            with self._explained(), self._env.begin(write=True) as txn:
                txn.put(_NO_PLACE, b"")
                txn.delete(_NO_PLACE)
        return dropped

    def rewrite(self, change: Callable[[Record], bytes | None]) -> int:
        """Write the log anew, so that nothing is left in its files of what is changed, removed or was trimmed before.

        Appends wait for a moment only: what comes meanwhile is written down at the end, unchanged.

        Args:
            change: is given the records that are there now, in order, and gives the body to keep of each, or ``None``
                to leave it out. The last record must be kept, or its place would be given to another.

        Returns:
            How many records were written.

        Raises:
            StoreError: if the disk refuses; the log is as it was then.

        Cost: reads and writes the whole log once.
        """
        with self._explained(), draft_of(self._env) as draft:
            last = self.head()
            written = draft.put(self._changed(change, last), append=True)
            draft.sync()
            with draft.taking_place() as txn, txn.cursor() as cursor:
                found = cursor.set_range(_SEQUENCE.pack(last + 1))
                written += draft.put(cursor.iternext() if found else (), append=True)
                found = cursor.set_range(_FIRST_PLACE)
                first = _SEQUENCE.unpack(cursor.key())[0] if found else last + 1
                # What was trimmed meanwhile.
                draft.trim(_SEQUENCE.pack(first))
                cursor.first()
                draft.put(_until(cursor, _FIRST_PLACE), append=False)
        return written

    def _changed(self, change: Callable[[Record], bytes | None], last: int) -> Iterator[tuple[bytes, bytes]]:
        place = 0
        while place < last and (records := self.read(place, _READ_TOGETHER)):
            for record in records:
                if record.sequence > last:
                    return
                body = change(record)
                if body is not None:
                    yield (
                        _SEQUENCE.pack(record.sequence),
                        _HEADER.pack(record.kind.value, record.time) + body,
                    )
            place = records[-1].sequence

    def close(self) -> None:
        """Close the environment; records that were appended are safe without it."""
        self._env.close()

    def _explained(self) -> AbstractContextManager[None]:
        return explained("event log", self.path, "log.map_size")

    def _kind(self, mark: bytes, sequence: int) -> Kind:
        try:
            return Kind(mark)
        except ValueError as error:
            raise StoreError(
                f"record {sequence} of the event log at {self.path} is of a kind that this release does not know "
                f"({mark!r}): run the release that wrote it, or a newer one; if none did, the record is damaged: "
                "restore the data folder from a backup"
            ) from error


def _until(cursor: "lmdb.Cursor[bytes]", end: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The rows from where the cursor is up to a key."""
    for key, value in cursor.iternext():
        if key >= end:
            return
        yield key, value


def _bytes_used(txn: lmdb.Transaction) -> int:
    pages = txn.stat()
    return int((pages["branch_pages"] + pages["leaf_pages"] + pages["overflow_pages"]) * pages["psize"])


def _last(txn: lmdb.Transaction) -> int:
    with txn.cursor() as cursor:
        # Notes stand before the records: if one is the last, there are no records.
        last = bytes(cursor.key()) if cursor.last() else _NO_PLACE
        return 0 if last.startswith(_NO_PLACE) else int(_SEQUENCE.unpack(last)[0])
