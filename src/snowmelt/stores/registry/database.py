"""Transactions on the registry's database."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, update
from sqlalchemy.exc import OperationalError

from snowmelt.definitions import AttributeGroup
from snowmelt.definitions.problems import Problem
from snowmelt.stores.registry import tables
from snowmelt.stores.registry.errors import UnreadableRegistry, UnwritableRegistry

LOCK_TIMEOUT: Final = 15.0
"""Seconds to wait for another process's transaction."""

_REFUSALS: Final = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY)
}
"""SQLite's codes for what is the disk's fault, or passes."""

Clock = Callable[[], datetime]
GroupCheck = Callable[[AttributeGroup], list[Problem]]


def no_problems(group: AttributeGroup) -> list[Problem]:
    """The check that every group passes."""
    return []


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


@dataclass
class Change:
    """A transaction that writes; the registry's revision grows by one if it is ``mark``ed.

    Args:
        connection: inside the transaction.
        now: the instant to record.
        check_stream: finds what keeps a valid stream group from being computed.
    """

    connection: Connection
    now: datetime
    check_stream: GroupCheck
    marked: bool = field(default=False, init=False)

    def mark(self) -> None:
        """Something was changed: readers must look again."""
        self.marked = True


class Database:
    """The registry's SQLite file: write-ahead log, every commit synced to disk.

    Writers take the lock when they begin, so that what they check still holds when they commit.
    """

    def __init__(self, path: Path, clock: Clock = utc_now) -> None:
        _use_write_ahead_log(path)
        self._clock = clock
        self.check_stream: GroupCheck = no_problems
        self._engine = _engine(path)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view, as of the moment of the first query in it."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Change]:
        """A transaction that is committed at the end, or left without a trace by an exception.

        Raises:
            UnwritableRegistry: the disk does not take it.
        """
        with self._explained(), self._engine.connect() as connection:
            connection = connection.execution_options(snowmelt_write=True)
            with connection.begin():
                change = Change(connection, self._clock(), self.check_stream)
                yield change
                if change.marked:
                    connection.execute(update(tables.revision).values(value=tables.revision.c.value + 1))

    @contextmanager
    def rehearse(self) -> Iterator[Change]:
        """The same as `write`, but whatever happens in it is undone at the end."""
        with self._engine.connect() as connection:
            connection = connection.execution_options(snowmelt_write=True)
            with connection.begin() as transaction:
                try:
                    yield Change(connection, self._clock(), self.check_stream)
                finally:
                    transaction.rollback()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in _REFUSALS:
                raise
            raise UnwritableRegistry(
                f"The registry cannot be written at present ({error.orig}), and nothing was changed. Repeat the call "
                "once the disk has room and can be written."
            ) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _use_write_ahead_log(path: Path) -> None:
    """The mode is kept in the file. Processes that start together compete for it without SQLite's own
    waiting, hence the loop."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            with closing(sqlite3.connect(path, isolation_level=None, timeout=LOCK_TIMEOUT)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline or "locked" not in str(error):
                raise UnreadableRegistry(
                    f"The registry {path} cannot be opened: {error}. Check that the data folder is writable "
                    "and on a local disk."
                ) from error
            time.sleep(0.005)
        except sqlite3.DatabaseError as error:
            raise UnreadableRegistry(
                f"The registry {path} is not a database: {error}. Restore it from a backup."
            ) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": LOCK_TIMEOUT})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late to protect what was read before the first write.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("snowmelt_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
