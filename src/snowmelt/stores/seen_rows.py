"""The ids of events that were applied lately, in rows of the profile store: what makes suppression survive a restart.

Ids are kept by generation (see :mod:`snowmelt.compute.seen_events`). Each commit adds its ids to the last row of
the present generation until it is as long as a page takes, so that commits of single events do not leave a row each.
"""

import struct

import lmdb

_ROW = struct.Struct(">QI")
_FULL = 1_900
"""Bytes of a row that is not added to any more; a longer one would not fit into a page of the tree."""

_DROPPED = 2_000
"""Rows of forgotten generations that one commit drops at most, so that no event waits for them."""


class SeenRows:
    """Reads and writes the rows inside a transaction; keeps nothing itself.

    Args:
        prefix: what the keys of all rows begin with.
    """

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix

    def generations(self, txn: lmdb.Transaction) -> list[tuple[int, bytes]]:
        """When each of the last two generations began, and its ids; the older one first."""
        found: dict[int, list[bytes]] = {}
        with txn.cursor() as cursor:
            more = cursor.set_range(self._prefix)
            while more and (started := self._started(cursor)) is not None:
                found.setdefault(started, []).append(bytes(cursor.value()))
                more = cursor.next()
        return [(started, b"".join(rows)) for started, rows in sorted(found.items())[-2:]]

    def add(self, txn: lmdb.Transaction, started: int, ids: bytes) -> None:
        """Add ids to a generation."""
        row = 0
        with txn.cursor() as cursor:
            there = cursor.set_range(self._prefix + _ROW.pack(started + 1, 0))
            if (cursor.prev() if there else cursor.last()) and self._started(cursor) == started:
                row = _ROW.unpack(bytes(cursor.key())[-_ROW.size :])[1]
                last = bytes(cursor.value())
                if len(last) + len(ids) <= _FULL:
                    ids = last + ids
                else:
                    row += 1
        txn.put(self._prefix + _ROW.pack(started, row), ids)

    def drop_before(self, txn: lmdb.Transaction, started: int) -> None:
        """Drop a piece of the generations that began before an instant."""
        with txn.cursor() as cursor:
            more = cursor.set_range(self._prefix)
            for _ in range(_DROPPED):
                if not more or (found := self._started(cursor)) is None or found >= started:
                    return
                more = cursor.delete()

    def _started(self, cursor: lmdb.Cursor) -> int | None:
        """The generation of the row that the cursor is at, or ``None`` if it is at something else."""
        key = bytes(cursor.key())
        if not key.startswith(self._prefix):
            return None
        return int(_ROW.unpack(key[len(self._prefix) :])[0])
