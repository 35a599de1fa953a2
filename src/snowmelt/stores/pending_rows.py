"""Firings that are committed with the profiles and not in the outbox yet: rows of the profile store."""

import struct
from collections.abc import Iterable, Sequence

import lmdb

from snowmelt.stores.outbox import Delivery, decode_delivery, encode_delivery

_NUMBER = struct.Struct(">Q")


class PendingRows:
    """Reads and writes the rows inside a transaction; keeps nothing itself.

    Args:
        prefix: what the keys of all rows begin with.
    """

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix

    def add(self, txn: lmdb.Transaction, first: int, deliveries: Sequence[Delivery]) -> None:
        """Keep firings, numbered from ``first``."""
        for number, delivery in enumerate(deliveries, first):
            txn.put(self._prefix + _NUMBER.pack(number), encode_delivery(delivery))

    def first(self, txn: lmdb.Transaction, limit: int) -> list[tuple[int, Delivery]]:
        """At most ``limit`` firings with their numbers, in order."""
        found: list[tuple[int, Delivery]] = []
        with txn.cursor() as cursor:
            more = cursor.set_range(self._prefix)
            while more and len(found) < limit and (number := self._number(cursor)):
                found.append((number, decode_delivery(cursor.value())))
                more = cursor.next()
        return found

    def drop(self, txn: lmdb.Transaction, through: int) -> None:
        """Forget the firings up to a number."""
        with txn.cursor() as cursor:
            more = cursor.set_range(self._prefix)
            while more and 0 < self._number(cursor) <= through:
                more = cursor.delete()

    def remove(self, txn: lmdb.Transaction, numbers: Iterable[int]) -> None:
        """Forget some firings; the others keep their numbers."""
        for number in numbers:
            txn.delete(self._prefix + _NUMBER.pack(number))

    def _number(self, cursor: lmdb.Cursor) -> int:
        """Of the row that the cursor is at; 0 if it is at something else."""
        key = bytes(cursor.key())
        return int(_NUMBER.unpack(key[len(self._prefix) :])[0]) if key.startswith(self._prefix) else 0
