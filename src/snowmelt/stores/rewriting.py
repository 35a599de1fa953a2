"""Writing a store anew without some of its rows, so that nothing of them is left in its files."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias
from uuid import uuid4

import lmdb

from snowmelt.stores.environment import DATA, DRAFT, GONE, NEXT, REPLACED, Environment, beside, exchanging, sync_path

BATCH_BYTES = 4 * 1024**2
"""What one transaction of the new environment writes."""

Row: TypeAlias = tuple[bytes, bytes]


class Draft:
    """A new environment that is to take the place of one in use.

    Rows are written one by one: a copy of LMDB's pages would copy the remains of deleted rows that they carry.

    Args:
        old: the environment that is replaced.
    """

    def __init__(self, old: Environment) -> None:
        self._old, self.path = old, beside(old.path, DRAFT)
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(mode=0o700)
        self._env = lmdb.open(str(self.path), map_size=old.map_size, max_dbs=0, readahead=False, sync=False)

    def put(self, rows: Iterable[Row], *, append: bool) -> int:
        """Write rows and give the number of them.

        Args:
            rows: to be written.
            append: whether they are in order and come after all that are there; much faster.
        """
        batch: list[Row] = []
        size = count = 0
        for row in rows:
            batch.append(row)
            size += len(row[1]) + len(row[0])
            if size > BATCH_BYTES:
                self._write(batch, append=append)
                count += len(batch)
                batch, size = [], 0
        self._write(batch, append=append)
        return count + len(batch)

    def trim(self, first: bytes) -> None:
        """Take away again what stands before a key."""
        with self._env.begin(write=True) as txn, txn.cursor() as cursor:
            more = cursor.first()
            while more and cursor.key() < first:
                more = cursor.delete()

    def sync(self) -> None:
        """Put what is written on the disk, so that little is left to do while others wait."""
        self._env.sync(True)

    @contextmanager
    def taking_place(self) -> Iterator["lmdb.Transaction[bytes]"]:
        """The old environment as it is from here on, since nobody else can write; at the end the draft replaces it."""
        txn = self._old.begin(write=True)
        try:
            yield txn
            self._env.sync(True)
            self._env.close()
            sync_path(self.path / DATA)
            self._exchange(txn)
        except BaseException:
            txn.abort()
            raise

    def _exchange(self, txn: "lmdb.Transaction[bytes]") -> None:
        path = self._old.path
        following, gone = beside(path, NEXT), beside(path, GONE)
        with exchanging(path):
            self.path.rename(following)
            # From this commit on whoever reads or writes looks for the new one, and waits for the end of the exchange.
            txn.put(REPLACED, uuid4().bytes)
            txn.commit()
            path.rename(gone)
            following.rename(path)
            sync_path(path.parent)
        # A large file takes a while, and others want to open the new one.
        shutil.rmtree(gone, ignore_errors=True)

    def discard(self) -> None:
        """Leave nothing of it, if it has not taken the place."""
        self._env.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def _write(self, batch: list[Row], *, append: bool) -> None:
        if batch:
            with self._env.begin(write=True) as txn, txn.cursor() as cursor:
                cursor.putmulti(batch, append=append)


@contextmanager
def draft_of(environment: Environment) -> Iterator[Draft]:
    """A draft that is removed again if it does not take the environment's place."""
    draft = Draft(environment)
    try:
        yield draft
    finally:
        draft.discard()


def rewrite(environment: Environment, change: Callable[[bytes, bytes], bytes | None]) -> int:
    """Write an environment anew; nobody else writes meanwhile, everybody reads on.

    Args:
        environment: in use by any number of processes, each of which opens the new one with its next transaction.
        change: is given the key and value of each row, in order; gives the value to keep, or ``None`` for none.

    Returns:
        The number of rows that were kept.

    Raises:
        lmdb.Error, OSError: if the disk refuses; nothing has changed then.

    Cost: reads and writes the whole store once, about 1 µs a row and 5 ms a MB.
    """
    with draft_of(environment) as draft, draft.taking_place() as txn:
        return draft.put(_changed(txn, change), append=True)


def _changed(txn: "lmdb.Transaction[bytes]", change: Callable[[bytes, bytes], bytes | None]) -> Iterator[Row]:
    with txn.cursor() as cursor:
        for key, value in cursor:
            kept = change(key, value) if key != REPLACED else None
            if kept is not None:
                yield key, kept
