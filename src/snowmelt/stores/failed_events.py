"""Failed events: what could not become an event, with the reason and the payload to mend it from."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from snowmelt.stores.errors import StoreError, StoreFullError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS failed_events (
    sequence INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    category TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    row      BLOB    NOT NULL,
    PRIMARY KEY (sequence, item)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS failed_events_by_category ON failed_events (category, sequence);
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Failed(NamedTuple):
    """One failed event.

    Args:
        sequence: place of its payload in the event log.
        item: which outcome of that payload it is, from 0.
        time: when it failed, ms since the epoch.
        category: for example ``schema_violations``.
        reason: one line for people.
        row: the self-describing JSON row, with the failure's details and the payload.
    """

    sequence: int
    item: int
    time: int
    category: str
    reason: str
    row: dict[str, object]


class FailedEvents:
    """A SQLite table of failed events, written by the engine and read by anybody.

    Rows are named by where they come from in the log. The engine writes them before it commits the position,
    so that after a crash they are written again rather than lost, onto themselves.

    Args:
        path: the database file; made if absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._database = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise StoreError(f"the failed events at {path} cannot be opened: {error}") from error

    def add(self, failed: Sequence[Failed]) -> None:
        """Keep failed events; one that is kept already stays as it is.

        Raises:
            StoreFullError: if there is no room on the disk; nothing was kept then.
            StoreError: if the database refuses for another reason.
        """
        rows = [(*entry[:5], _encode(entry.row)) for entry in failed]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("INSERT OR IGNORE INTO failed_events VALUES (?, ?, ?, ?, ?, ?)", rows)
                self._database.execute("COMMIT")
            except BaseException:
                # Some errors, a full disk among them, have ended the transaction already.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StoreFullError(f"there is no room for failed events at {self._path}: free disk space") from error
            raise StoreError(f"the failed events at {self._path} cannot be written: {error}") from error

    def list(self, category: str | None = None, limit: int = 100) -> Iterator[Failed]:
        """The newest failed events first."""
        cursor = self._database.execute(
            "SELECT * FROM failed_events WHERE ?1 IS NULL OR category = ?1 ORDER BY sequence DESC, item DESC LIMIT ?2",
            (category, limit),
        )
        for *rest, row in cursor:
            yield Failed._make([*rest, _decode(row)])

    def get(self, sequence: int, item: int) -> Failed | None:
        """One failed event, or ``None``."""
        found = self._database.execute(
            "SELECT * FROM failed_events WHERE sequence = ? AND item = ?", (sequence, item)
        ).fetchone()
        return Failed._make([*found[:5], _decode(found[5])]) if found else None

    def counts(self) -> dict[str, int]:
        """How many there are, by category."""
        return dict(self._database.execute("SELECT category, count(*) FROM failed_events GROUP BY category"))

    def close(self) -> None:
        """Close the database."""
        self._database.close()
