"""The outbox: interventions on their way to subscribers, for as long as a subscriber may come back for them."""

import struct
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TypeAlias
from uuid import UUID

import lmdb
import msgspec

from snowmelt.stores.environment import Environment, explained
from snowmelt.stores.mailbox import Note
from snowmelt.stores.patient_clock import PatientClock
from snowmelt.stores.rewriting import rewrite

NEWS = Note(b"N")
"""Tells the processes that have subscribers that the outbox has more; to be sent to all after an append."""

Target: TypeAlias = tuple[str, str]
"""The name of an attribute key, and an identifier."""

_PLACE = struct.Struct(">Q")
_MARK_FORM = struct.Struct(">QQQ")
_COUNTER_BITS = 20
_TRIM_CHUNK = 2_000
_LATER_BY = 1.1
_LEAST_RESERVE = 64 * 1024
_LONGEST_HOLD_MS = 86_400_000

# Keys in the environment: an entry under its place, its place under its id, and under each of its targets.
_ENTRY, _ID, _TARGET = b"E", b"I", b"T"
_AFTER_ENTRIES = b"F"
_MARK, _HELD, _LAST = b"mark", b"held", b"last"


class Delivery(NamedTuple):
    """An intervention that goes to some targets.

    Args:
        id: one for all its targets.
        targets: to whom.
        payload: its JSON but for the target, as :func:`snowmelt.definitions.wire.payload` makes it.
        place: where it stands in the outbox; 0 before it is appended.
    """

    id: UUID
    targets: tuple[Target, ...]
    payload: bytes
    place: int = 0


class FiringMark(NamedTuple):
    """How far what the engine has fired was appended; on the disk as soon as that is.

    Args:
        number: of the last firing.
        position: the place in the event log that the profiles had reached by then.
        time: up to when (ms since the epoch) every alarm was looked at by then.
    """

    number: int = 0
    position: int = 0
    time: int = 0


class _Stored(msgspec.Struct, array_like=True):
    id: bytes
    targets: tuple[Target, ...]
    payload: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def place_at(ms: int) -> int:
    """The least place that an entry made at this instant (ms since the epoch) can have.

    A place is the instant and, in its last 20 bits, a counter: so a subscriber that names the last place it knows
    says since when it was away, even to a server with another outbox, and nobody can count interventions by it.
    """
    return max(ms, 0) << _COUNTER_BITS


class Outbox:
    """Deliveries in order, in one LMDB environment, written and read by several processes.

    An append is synced: whoever records that an intervention has fired may rely on its delivery being kept, even
    over a power cut.

    Args:
        path: its folder; made if absent.
        map_size: bytes that it may grow to (address space, not disk, is reserved).
        keep_ms: how long a delivery is kept at least.
        clock: ms since the epoch; by default the machine's, and a jump of it forward makes nothing too old at once.

    Raises:
        StoreError: if the folder cannot be used.
    """

    def __init__(
        self,
        path: Path,
        map_size: int = 2**32,
        keep_ms: int = 300_000,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.path = path
        self._keep_ms, self._clock = keep_ms, clock or _now_ms
        self._age_clock = clock or PatientClock(keep_ms, _now_ms)
        self._env = Environment(path, map_size, "outbox")
        # LMDB needs room to delete, too: without it a full outbox could never be trimmed.
        self._room = map_size - max(map_size // 32, _LEAST_RESERVE)

    def append(self, deliveries: Sequence[Delivery], mark: "FiringMark | None" = None) -> int:
        """Keep deliveries, except those whose id is kept already, and drop what is too old.

        Args:
            deliveries: in the order in which they are to be sent.
            mark: how far the engine's firings are here, once these are; kept in the same transaction.

        Returns:
            The place of the last one that is kept, once all are on the disk; 0 if none is.

        Raises:
            StoreFullError: if there is no room; nothing was kept then.
            StoreError: if the disk refuses for another reason.

        Cost: one sync of the disk whatever the number; every half a minute or so a second one.
        """
        now = self._clock()
        self._trim(self._age_clock())
        with self._explained(), self._env.begin(write=True) as txn:
            last = _last(txn)
            for delivery in deliveries:
                if txn.get(_ID + delivery.id.bytes) is not None:
                    continue
                last = max(last + 1, place_at(now))
                place = _PLACE.pack(last)
                txn.put(_ENTRY + place, encode_delivery(delivery))
                txn.put(_ID + delivery.id.bytes, place)
                for target in delivery.targets:
                    txn.put(_prefix(target) + place, b"")
            if mark is not None:
                txn.put(_MARK, _MARK_FORM.pack(*mark))
            pages = txn.stat()
            if (pages["branch_pages"] + pages["leaf_pages"] + pages["overflow_pages"]) * pages["psize"] > self._room:
                raise lmdb.MapFullError("what is left is kept for trimming")
        return last

    def read(self, after: int, limit: int = 500) -> list[Delivery]:
        """At most ``limit`` deliveries that come after a place, in order."""
        found: list[Delivery] = []
        with self._env.begin() as txn, txn.cursor() as cursor:
            more = cursor.set_range(_ENTRY + _PLACE.pack(after + 1))
            while more and len(found) < limit and cursor.key()[:1] == _ENTRY:
                found.append(_delivery(cursor.key(), cursor.value()))
                more = cursor.next()
        return found

    def since(self, after: int, targets: Collection[Target], limit: int = 100) -> list[Delivery]:
        """At most ``limit`` deliveries to some targets that come after a place, in order, each once.

        Cost: a few microseconds for each target and delivery, whatever else the outbox holds.
        """
        with self._env.begin() as txn, txn.cursor() as cursor:
            places: set[bytes] = set()
            for target in targets:
                places.update(_places(cursor, _prefix(target), after, limit))
            # Each target has given its first ones, so the first ones of all are among them.
            found = []
            for place in sorted(places)[:limit]:
                cursor.set_key(_ENTRY + place)
                found.append(_delivery(*cursor.item()))
            return found

    def meant(self, is_meant: Callable[[Delivery], bool]) -> list[Delivery]:
        """All deliveries that are meant, in order; reads the whole outbox."""
        found, after = [], 0
        while some := self.read(after):
            found += [delivery for delivery in some if is_meant(delivery)]
            after = some[-1].place
        return found

    def erase(self, is_meant: Callable[[Delivery], bool]) -> int:
        """Delete deliveries, and leave nothing in the files of these or of those that were dropped before.

        Returns:
            How many were deleted.

        Raises:
            StoreError: if the disk refuses; nothing was deleted then.

        Cost: reads and writes the whole outbox once; meanwhile nothing is appended.
        """
        erased = {one.id.bytes: _PLACE.pack(one.place) for one in self.meant(is_meant)}
        places = set(erased.values())

        def change(key: bytes, value: bytes) -> bytes | None:
            kind = key[:1]
            if kind == _ID:
                return None if key[1:] in erased else value
            if (kind == _ENTRY and len(key) == 1 + _PLACE.size) or kind == _TARGET:
                return None if key[-_PLACE.size :] in places else value
            return value

        with self._explained():
            # Places must never go back, even if it is the last one that goes.
            with self._env.begin(write=True) as txn:
                txn.put(_LAST, _PLACE.pack(_last(txn)))
            rewrite(self._env, change)
        return len(erased)

    def head(self) -> int:
        """The place of the last delivery, 0 if there is none."""
        with self._env.begin() as txn:
            return _last(txn)

    def mark(self) -> "FiringMark":
        """How far the engine's firings are here."""
        with self._env.begin() as txn:
            stored = txn.get(_MARK)
            return FiringMark(*_MARK_FORM.unpack(stored)) if stored else FiringMark()

    def hold(self, place: int) -> None:
        """Drop nothing that comes after a place, until a later call names a later one; for a day at most.

        For the one process that must read every delivery, however long it was not running. On the disk when this
        returns: one sync.

        Raises:
            StoreError: if the disk refuses.
        """
        with self._explained(), self._env.begin(write=True) as txn:
            txn.put(_HELD, _PLACE.pack(place))

    def oldest_kept(self) -> int:
        """The place before which nothing is given to whoever comes back."""
        return place_at(self._age_clock() - self._keep_ms)

    def close(self) -> None:
        """Close the environment; what was appended is safe without it."""
        self._env.close()

    def _trim(self, now: int) -> None:
        """Drop what is too old, in chunks; the last entry always stays, so that places never go back."""
        with self._env.begin() as txn, txn.cursor() as cursor:
            # Not with every append: a trim costs a sync of its own.
            if not _older(cursor.set_range(_ENTRY) and cursor.key(), place_at(now - int(self._keep_ms * _LATER_BY))):
                return
            held = txn.get(_HELD)
        bound, more = place_at(now - self._keep_ms), True
        if held is not None:
            bound = min(bound, max(_PLACE.unpack(held)[0] + 1, place_at(now - _LONGEST_HOLD_MS)))
        while more:
            with self._explained(), self._env.begin(write=True) as txn, txn.cursor() as cursor:
                bound, dropped = min(bound, _last(txn)), 0
                while dropped < _TRIM_CHUNK and _older(cursor.set_range(_ENTRY) and cursor.key(), bound):
                    key, stored = cursor.key(), _decode(cursor.value())
                    for name in (_ID + stored.id, *(_prefix(target) + key[1:] for target in stored.targets), key):
                        txn.delete(name)
                    dropped += 1
                more = dropped == _TRIM_CHUNK

    def _explained(self) -> AbstractContextManager[None]:
        return explained("outbox", self.path, "interventions.map_size")


def _prefix(target: Target) -> bytes:
    key, identifier = target
    return _TARGET + blake2b(f"{key}\0{identifier}".encode(), digest_size=16).digest()


def _places(cursor: lmdb.Cursor, prefix: bytes, after: int, limit: int) -> Iterable[bytes]:
    more = cursor.set_range(prefix + _PLACE.pack(after + 1))
    for _ in range(limit):
        key = bytes(cursor.key())
        if not more or not key.startswith(prefix):
            return
        yield key[len(prefix) :]
        more = cursor.next()


def _older(key: bytes | bool, bound: int) -> bool:
    return isinstance(key, bytes) and key[:1] == _ENTRY and _PLACE.unpack(key[1:])[0] < bound


def encode_delivery(delivery: Delivery) -> bytes:
    """A delivery as it is stored, without its place."""
    return _encode(_Stored(delivery.id.bytes, delivery.targets, delivery.payload))


def decode_delivery(stored: bytes | memoryview, place: int = 0) -> Delivery:
    """A delivery that was stored."""
    found = _decode(stored)
    return Delivery(UUID(bytes=found.id), found.targets, found.payload, place)


def _delivery(key: bytes, value: bytes) -> Delivery:
    return decode_delivery(value, _PLACE.unpack(key[1:])[0])


def _last(txn: lmdb.Transaction) -> int:
    with txn.cursor() as cursor:
        found = cursor.prev() if cursor.set_range(_AFTER_ENTRIES) else cursor.last()
        last = int(_PLACE.unpack(cursor.key()[1:])[0]) if found else 0
    erased = txn.get(_LAST)
    return last if erased is None else max(last, int(_PLACE.unpack(erased)[0]))
