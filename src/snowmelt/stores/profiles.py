"""The profile store: every profile, and the place in the event log that they include, in one transaction."""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import lmdb

from snowmelt.compute import state
from snowmelt.compute.profiles import Load, Profiles
from snowmelt.interventions.alarm import WAITS, Alarm
from snowmelt.stores.alarm_rows import AlarmRows, DueAlarm
from snowmelt.stores.environment import Environment, explained
from snowmelt.stores.errors import PositionMovedError
from snowmelt.stores.outbox import Delivery
from snowmelt.stores.pending_rows import PendingRows
from snowmelt.stores.rewriting import rewrite
from snowmelt.stores.seen_rows import SeenRows

Decode: TypeAlias = Callable[[bytes | memoryview], list[Any]]

_STATE_ID = struct.Struct(">I")
_POSITION = struct.Struct(">Q")
_MAX_PLAIN_KEY = 480
_PURGE_CHUNK = 5_000
_ALL = 2**62

_META = _STATE_ID.pack(0)
"""State ids start at 1; what stands under 0 describes the store itself."""

POSITION = _META + b"position"
DEFINITIONS = _META + b"definitions"
STATISTICS = _META + b"statistics"
_SEEN = SeenRows(_META + b"seen")
_ALARMS = AlarmRows(_META + b"alarm")
_PENDING = PendingRows(_META + b"unsent")


def profile_key(state_id: int, identifier: bytes) -> bytes:
    """The store's key for a profile: the state id, then the key value (shortened by a hash past 480 bytes)."""
    if len(identifier) > _MAX_PLAIN_KEY:
        identifier = identifier[: _MAX_PLAIN_KEY - 33] + b"\0" + blake2b(identifier, digest_size=32).digest()
    return _STATE_ID.pack(state_id) + identifier


class ProfileReader:
    """Reads profiles from any process, without waiting for the engine and without being seen by it.

    Args:
        path: the store's folder, which the engine has made.
        map_size: at least what the engine uses.

    Raises:
        StoreError: if there is no store there yet.
    """

    def __init__(self, path: Path, map_size: int = 2**38) -> None:
        self._env = Environment(path, map_size, "profile store", readonly=True)

    def get(self, items: Iterable[tuple[int, bytes]]) -> list[bytes | None]:
        """The stored profiles of (state id, key value in UTF-8) pairs, all as of one moment.

        Cost: about 1 µs each.
        """
        with self._env.begin() as txn:
            return [txn.get(profile_key(state_id, identifier)) for state_id, identifier in items]

    def position(self) -> int:
        """The place in the event log that the profiles include."""
        with self._env.begin() as txn:
            stored = txn.get(POSITION)
            return int(_POSITION.unpack(stored)[0]) if stored else 0

    def statistics(self) -> bytes | None:
        """The engine's counts, as it encoded them with its last commit."""
        with self._env.begin() as txn:
            stored: bytes | None = txn.get(STATISTICS)
            return stored

    def definitions(self) -> bytes | None:
        """The definitions that the engine runs, as the registry's snapshot told them."""
        with self._env.begin() as txn:
            stored: bytes | None = txn.get(DEFINITIONS)
            return stored

    def waits(self, state_id: int) -> list[tuple[str, bytes]]:
        """What a rule waits for: the key of each wait, and what is stored of it."""
        with self._env.begin() as txn:
            return [(key, bytes(value)) for key, value in _waits(txn, state_id)]

    def pending(self) -> list[Delivery]:
        """The firings that are not in the outbox yet."""
        with self._env.begin() as txn:
            return [delivery for _, delivery in _PENDING.first(txn, _ALL)]

    def state_ids(self) -> list[int]:
        """The state ids that have rows."""
        with self._env.begin() as txn:
            return _state_ids(txn)

    def close(self) -> None:
        """Close the environment."""
        self._env.close()


class ProfileStore:
    """The engine's side of the store: the only writer.

    Commits are atomic and at once visible to every reader, but not synced: a process may die at any moment
    without harm, while after a power cut the store is rebuilt from a checkpoint and the event log (see
    :mod:`snowmelt.stores.checkpoint`).

    Args:
        path: the store's folder; made if absent.
        map_size: bytes that the store may grow to (address space, not disk, is reserved).

    Raises:
        StoreError: if the folder cannot be used.
    """

    def __init__(self, path: Path, map_size: int = 2**38) -> None:
        self.path = path
        self._env = Environment(path, map_size, "profile store", sync=False, metasync=False)
        with self._explained(), self._env.begin() as txn:
            stored = txn.get(POSITION)
            self.position = int(_POSITION.unpack(stored)[0]) if stored else 0
            self.definitions: bytes | None = txn.get(DEFINITIONS)
            self.statistics: bytes | None = txn.get(STATISTICS)

    @contextmanager
    def commit(self) -> Iterator["Commit"]:
        """A transaction: profiles are loaded, changed and stored in it, together with the new position.

        Raises:
            PositionMovedError: if another engine has committed meanwhile.
            StoreFullError: if there is no room.
            StoreError: if the disk refuses for another reason.

        After any error inside it nothing has changed.
        """
        with self._explained(), self._env.begin(write=True, buffers=True) as txn:
            stored = txn.get(POSITION)
            position = int(_POSITION.unpack(stored)[0]) if stored else 0
            if position != self.position:
                raise PositionMovedError(
                    f"the profiles at {self.path} are at position {position}, this engine left them at "
                    f"{self.position}: two engines share one data folder; stop one of them"
                )
            with Commit(txn, position) as commit:
                yield commit
        self.position = commit.position
        self.definitions = commit.definitions or self.definitions
        self.statistics = commit.statistics or self.statistics

    def seen(self) -> list[tuple[int, bytes]]:
        """The generations of event ids that are remembered: when each began, and its ids; the older one first."""
        with self._env.begin() as txn:
            return _SEEN.generations(txn)

    def pending(self, limit: int) -> list[tuple[int, Delivery]]:
        """At most ``limit`` firings that were committed and not dropped yet, with their numbers, in order."""
        with self._env.begin() as txn:
            return _PENDING.first(txn, limit)

    def next_alarm(self) -> int | None:
        """When the first alarm is set for, ms since the epoch."""
        with self._env.begin() as txn:
            return _ALARMS.next(txn)

    def drop_pending(self, through: int) -> None:
        """Forget the firings up to a number: they are in the outbox.

        Raises:
            StoreError: as :meth:`commit`.
        """
        with self._explained(), self._env.begin(write=True) as txn:
            _PENDING.drop(txn, through)

    def state_ids(self) -> list[int]:
        """The state ids that have profiles."""
        with self._env.begin() as txn:
            return _state_ids(txn)

    def purge(self, state_id: int) -> bool:
        """Drop some thousands of a state id's profiles.

        Returns:
            Whether there may be more. In pieces, so that events do not wait for a large group to go.

        Raises:
            StoreError: as :meth:`commit`.
        """
        prefix = _STATE_ID.pack(state_id)
        with self._explained(), self._env.begin(write=True) as txn, txn.cursor() as cursor:
            more = cursor.set_range(prefix)
            for _ in range(_PURGE_CHUNK):
                if not more or not cursor.key().startswith(prefix):
                    return False
                more = cursor.delete()
        return True

    def sync(self) -> None:
        """Put everything committed on the disk."""
        with self._explained():
            self._env.sync()

    def copy(self, path: Path) -> None:
        """Write a consistent, synced copy of the store into an empty folder, while work goes on."""
        with self._explained():
            self._env.copy(str(path), compact=True)

    def rewrite(self) -> None:
        """Write the store anew and synced, so that nothing that was deleted is left in its files.

        Raises:
            StoreError: if the disk refuses; the store is as it was then.
        """
        with self._explained():
            rewrite(self._env, lambda key, value: value)

    def rows(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Every row of something that has profiles: state id, key without it, value."""
        with self._env.begin() as txn:
            yield from _rows_of(txn, 1)

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        self._env.close()

    def _explained(self) -> AbstractContextManager[None]:
        return explained("profile store", self.path, "engine.map_size")


class Commit:
    """What one transaction of the engine reads and writes."""

    def __init__(self, txn: lmdb.Transaction, position: int) -> None:
        self._txn = txn
        self.position = position
        """Where in the event log the profiles will be when it ends; to be set."""
        self.definitions: bytes | None = None
        """The definitions that hold from here on, if they changed."""
        self.statistics: bytes | None = None
        """The engine's counts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._txn.put(POSITION, _POSITION.pack(self.position))
            for key, value in ((DEFINITIONS, self.definitions), (STATISTICS, self.statistics)):
                if value is not None:
                    self._txn.put(key, value)

    def remember(self, started: int, ids: bytes, oldest: int) -> None:
        """Add to the event ids that are remembered.

        Args:
            started: when the generation that the ids belong to began, ms since the epoch.
            ids: as :meth:`snowmelt.compute.seen_events.SeenEvents.take_fresh` gives them.
            oldest: what belongs to generations that began before is dropped, in pieces.
        """
        _SEEN.drop_before(self._txn, oldest)
        if ids:
            _SEEN.add(self._txn, started, ids)

    def fire(self, first: int, deliveries: Sequence[Delivery]) -> None:
        """Keep what has fired until it is in the outbox, numbered from ``first``."""
        _PENDING.add(self._txn, first, deliveries)

    def erase(self, state_id: int, key: str) -> bool:
        """Delete what is stored for a key value, or under another key of a state id; whether there was something."""
        return bool(self._txn.delete(profile_key(state_id, key.encode())))

    def waits(self, state_id: int) -> list[tuple[str, bytes]]:
        """What a rule waits for: the key of each wait, and what is stored of it."""
        return [(key, bytes(value)) for key, value in _waits(self._txn, state_id)]

    def state_ids(self) -> list[int]:
        """The state ids that have rows."""
        return _state_ids(self._txn)

    def erase_pending(self, is_meant: Callable[[Delivery], bool]) -> int:
        """Delete firings that are not in the outbox yet, and give the number of them."""
        meant = [number for number, delivery in _PENDING.first(self._txn, _ALL) if is_meant(delivery)]
        _PENDING.remove(self._txn, meant)
        return len(meant)

    def set_alarms(self, alarms: Iterable[Alarm]) -> None:
        """Set, move or take away alarms, in this order."""
        _ALARMS.set(self._txn, alarms)

    def due(self, until: int, limit: int) -> list[DueAlarm]:
        """At most ``limit`` alarms that are set for an instant up to ``until`` (ms since the epoch), in order."""
        return _ALARMS.due(self._txn, until, limit)

    def loader(self, state_id: int, decode: Decode = state.decode) -> Load:
        """What gives the stored profile of a key value, or ``None``, while the transaction lasts.

        Args:
            state_id: of the group.
            decode: reads the stored bytes.
        """
        get, prefix, plain = self._txn.get, _STATE_ID.pack(state_id), _MAX_PLAIN_KEY // 4

        def load(key: str) -> list[Any] | None:
            stored = get(prefix + key.encode() if len(key) <= plain else profile_key(state_id, key.encode()))
            return None if stored is None else decode(stored)

        return load

    def sweep(
        self, state_id: int, start: str, is_over: Callable[[bytes | memoryview], bool], most: int
    ) -> tuple[int, str]:
        """Look at some of a group's profiles in the order of their keys, and drop those that are over.

        Args:
            state_id: of the group.
            start: where an earlier call ended; the empty text to begin.
            is_over: says so of a stored profile.
            most: profiles that are looked at.

        Returns:
            How many were dropped, and where to go on; the empty text if there are no more.
        """
        prefix, dropped = _STATE_ID.pack(state_id), 0
        with self._txn.cursor() as cursor:
            more = cursor.set_range(bytes.fromhex(start) or prefix)
            for _ in range(most):
                if not more or not bytes(cursor.key()).startswith(prefix):
                    return dropped, ""
                if is_over(cursor.value()):
                    more = cursor.delete()
                    dropped += 1
                else:
                    more = cursor.next()
            return dropped, bytes(cursor.key()).hex() if more else ""

    def store(self, profiles: Mapping[int, Profiles]) -> None:
        """Write the profiles that were changed, in key order: neighbours share pages, which halves the work."""
        with self._txn.cursor() as cursor:
            for state_id in sorted(profiles):
                cursor.putmulti(_rows(state_id, profiles[state_id]))


def _rows(state_id: int, profiles: Profiles) -> list[tuple[bytes, bytes]]:
    prefix, encode, plain = _STATE_ID.pack(state_id), state.encode, _MAX_PLAIN_KEY // 4
    return [
        (prefix + key.encode() if len(key) <= plain else profile_key(state_id, key.encode()), encode(profiles[key]))
        for key in sorted(profiles.touched)  # text sorts as its UTF-8 does
    ]


def _state_ids(txn: lmdb.Transaction) -> list[int]:
    found: list[int] = []
    with txn.cursor() as cursor:
        while cursor.set_range(_STATE_ID.pack(found[-1] + 1 if found else 1)):
            found.append(_STATE_ID.unpack(bytes(cursor.key())[: _STATE_ID.size])[0])
    return found


def _rows_of(txn: "lmdb.Transaction[bytes]", first: int) -> Iterator[tuple[int, bytes, bytes]]:
    with txn.cursor() as cursor:
        if cursor.set_range(_STATE_ID.pack(first)):
            for key, value in cursor.iternext():
                yield _STATE_ID.unpack(key[: _STATE_ID.size])[0], bytes(key[_STATE_ID.size :]), value


def _waits(txn: lmdb.Transaction, state_id: int) -> Iterator[tuple[str, bytes | memoryview]]:
    prefix = _STATE_ID.pack(state_id) + WAITS.encode()
    with txn.cursor() as cursor:
        if cursor.set_range(prefix):
            for key, value in cursor.iternext():
                if bytes(key[: len(prefix)]) != prefix:
                    return
                yield bytes(key[_STATE_ID.size :]).decode(), value
