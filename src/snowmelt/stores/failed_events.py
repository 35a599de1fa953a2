"""Failed events: what could not become an event, with the reason and the payload to mend it from."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from snowmelt.stores.errors import StoreError, StoreFullError
from snowmelt.stores.remains import leave_nothing

State = Literal["waiting", "replayed"]

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
_LATER_COLUMNS = {
    "whole": "INTEGER NOT NULL DEFAULT 1",
    "app_id": "TEXT",
    "event_name": "TEXT",
    "replayed": "INTEGER",
    "tried": "INTEGER",
    "tries": "INTEGER NOT NULL DEFAULT 0",
}
"""Columns that databases of older releases have not."""
_COLUMNS = "sequence, item, time, category, reason, row, whole, app_id, event_name, replayed, tried, tries"
_TRIM_ROWS = 100

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Failed(NamedTuple):
    """One failed event.

    Args:
        sequence: place of its payload in the event log.
        item: which outcome of that payload it is, from 0.
        time: when it failed first, ms since the epoch.
        category: for example ``schema_violations``.
        reason: one line for people.
        row: the self-describing JSON row, with the failure's details and the payload.
        whole: whether it stands for a whole request, not for one event of it.
        app_id: of the event, when known.
        event_name: of the event, when known.
        replayed: place in the event log of the replay by which it became an event; ``None`` if it did not yet.
        tried: place in the event log of the last replay.
        tries: replays so far.
    """

    sequence: int
    item: int
    time: int
    category: str
    reason: str
    row: dict[str, object]
    whole: bool = True
    app_id: str | None = None
    event_name: str | None = None
    replayed: int | None = None
    tried: int | None = None
    tries: int = 0


class Replayed(NamedTuple):
    """What came of trying a failed event again.

    Args:
        sequence: of the failed event, as in :class:`Failed`.
        item: the same.
        by: place in the event log of the replay.
        failure: category, reason and row if it failed again; ``None`` if it did not.
    """

    sequence: int
    item: int
    by: int
    failure: tuple[str, str, dict[str, object]] | None = None


class Filter(NamedTuple):
    """Which failed events are meant; ``None`` means any.

    Args:
        category: of the failure.
        app_id: of the event.
        text: part of the reason, such as the URI of a schema.
        since: failed at or after, ms since the epoch.
        until: failed before.
        state: whether they became events by now.
    """

    category: str | None = None
    app_id: str | None = None
    text: str | None = None
    since: int | None = None
    until: int | None = None
    state: State | None = None

    def where(self) -> tuple[str, list[Any]]:
        """The condition in SQL, and its parameters."""
        parts = {
            "category = ?": self.category,
            "app_id = ?": self.app_id,
            "instr(reason, ?)": self.text,
            "time >= ?": self.since,
            "time < ?": self.until,
        }
        wanted = {part: value for part, value in parts.items() if value is not None}
        states = {None: [], "waiting": ["replayed IS NULL"], "replayed": ["replayed IS NOT NULL"]}[self.state]
        return " AND ".join([*wanted, *states]) or "TRUE", list(wanted.values())


ANY = Filter()


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
            self._add_columns()
        except sqlite3.Error as error:
            raise StoreError(f"the failed events at {path} cannot be opened: {error}{_remedy(path, error)}") from error

    def add(self, failed: Sequence[Failed], replayed: Sequence[Replayed] = ()) -> None:
        """Keep failed events; one that is kept already stays as it is.

        Args:
            failed: new ones.
            replayed: what came of trying others again. The same twice is as good as once.

        Raises:
            StoreFullError: if there is no room on the disk; nothing was kept then.
            StoreError: if the database refuses for another reason.
        """
        rows = [(*entry[:5], _encode(entry.row), *entry[6:]) for entry in failed]
        marks = ", ".join("?" * len(Failed._fields))
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany(f"INSERT OR IGNORE INTO failed_events ({_COLUMNS}) VALUES ({marks})", rows)
                for one in replayed:
                    self._settle(one)
                self._database.execute("COMMIT")
            except BaseException:
                # Some errors, a full disk among them, have ended the transaction already.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StoreFullError(f"there is no room for failed events at {self._path}: free disk space") from error
            raise StoreError(
                f"the failed events at {self._path} cannot be written: {error}{_remedy(self._path, error)}"
            ) from error

    def _settle(self, one: Replayed) -> None:
        counted = {
            "tries": "tries + (tried IS NULL OR tried <> :by)",
            "tried": ":by",
        }
        values: dict[str, object] = {"sequence": one.sequence, "item": one.item, "by": one.by}
        if one.failure is None:
            counted["replayed"] = ":by"
        else:
            category, reason, row = one.failure
            values |= {"category": category, "reason": reason, "row": _encode(row)}
            counted |= {name: f":{name}" for name in ("category", "reason", "row")}
        changes = ", ".join(f"{name} = {value}" for name, value in counted.items())
        self._database.execute(
            f"UPDATE failed_events SET {changes} WHERE sequence = :sequence AND item = :item", values
        )

    def replayed_by(self, sequence: int, item: int) -> int | None:
        """The place in the event log of the replay by which a failed event became an event, ``None`` if there is none.

        Raises:
            StoreError: if the database refuses.
        """
        with self._reading():
            found = self._database.execute(
                "SELECT replayed FROM failed_events WHERE sequence = ? AND item = ?", (sequence, item)
            ).fetchone()
        return found[0] if found else None

    def list(self, wanted: Filter = ANY, limit: int = 100) -> Iterator[Failed]:
        """The newest failed events first."""
        where, values = wanted.where()
        cursor = self._database.execute(
            f"SELECT {_COLUMNS} FROM failed_events WHERE {where} ORDER BY sequence DESC, item DESC LIMIT ?",
            (*values, limit),
        )
        for found in cursor:
            yield _failed(found)

    def after(self, sequence: int, item: int, wanted: Filter = ANY, limit: int = 100) -> Sequence[Failed]:
        """The failed events that come after one of them, the oldest first."""
        where, values = wanted.where()
        return [
            _failed(found)
            for found in self._database.execute(
                f"SELECT {_COLUMNS} FROM failed_events WHERE (sequence, item) > (?, ?) AND {where} "
                "ORDER BY sequence, item LIMIT ?",
                (sequence, item, *values, limit),
            )
        ]

    def get(self, sequence: int, item: int) -> Failed | None:
        """One failed event, or ``None``.

        Raises:
            StoreError: if the database refuses.
        """
        with self._reading():
            found = self._database.execute(
                f"SELECT {_COLUMNS} FROM failed_events WHERE sequence = ? AND item = ?", (sequence, item)
            ).fetchone()
        return _failed(found) if found else None

    def of_record(self, sequence: int) -> Sequence[Failed]:
        """The failed events that came of one record of the event log.

        Raises:
            StoreError: if the database refuses.
        """
        with self._reading():
            found = self._database.execute(
                f"SELECT {_COLUMNS} FROM failed_events WHERE sequence = ? ORDER BY item", (sequence,)
            ).fetchall()
        return [_failed(one) for one in found]

    def count(self, wanted: Filter = ANY) -> int:
        """How many there are."""
        where, values = wanted.where()
        found: int = self._database.execute(f"SELECT count(*) FROM failed_events WHERE {where}", values).fetchone()[0]
        return found

    def counts(self) -> dict[str, int]:
        """How many there are, by category."""
        return dict(self._database.execute("SELECT category, count(*) FROM failed_events GROUP BY category"))

    def size(self) -> int:
        """The bytes that they take."""
        found: int = self._database.execute(
            "SELECT (page_count - freelist_count) * page_size "
            "FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
        ).fetchone()[0]
        return found

    def trim(self, older_than: int, max_bytes: int) -> int:
        """Drop a piece of what is older than a time (ms since the epoch), or of the oldest if they take too much room.

        Returns:
            How many were dropped, 100 at most; call it again until it is 0.

        Raises:
            StoreError: if the database refuses.
        """
        try:
            if self.size() > max_bytes:
                older_than = 2**62
            return self._database.execute(
                # Only the first rows are looked at: later ones are hardly ever older.
                "DELETE FROM failed_events WHERE (sequence, item) IN (SELECT sequence, item FROM "
                "(SELECT sequence, item, time FROM failed_events ORDER BY sequence, item LIMIT ?) WHERE time < ?)",
                (_TRIM_ROWS, older_than),
            ).rowcount
        except sqlite3.Error as error:
            raise StoreError(
                f"the failed events at {self._path} cannot be trimmed: {error}{_remedy(self._path, error)}"
            ) from error

    def meant(self, is_meant: Callable[[Failed], bool]) -> Sequence[Failed]:
        """All failed events that are meant, the oldest first; reads all that there are."""
        found = []
        place = (-1, -1)
        while some := self.after(*place):
            found += [one for one in some if is_meant(one)]
            place = some[-1].sequence, some[-1].item
        return found

    def erase(self, is_meant: Callable[[Failed], bool]) -> int:
        """Delete failed events, and leave nothing in the files of these or of those that were dropped before.

        Returns:
            How many were deleted.

        Raises:
            StoreError: if the database refuses, or somebody reads it for long.

        Cost: reads and writes the whole database once.
        """
        meant = [(one.sequence, one.item) for one in self.meant(is_meant)]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM failed_events WHERE sequence = ? AND item = ?", meant)
            self._database.execute("COMMIT")
            leave_nothing(self._database)
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise StoreError(
                f"the failed events at {self._path} cannot be erased: {error}{_remedy(self._path, error)}"
            ) from error
        return len(meant)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"the failed events at {self._path} cannot be read: {error}{_remedy(self._path, error)}"
            ) from error

    def _add_columns(self) -> None:
        def missing() -> Iterable[str]:
            known = {column[1] for column in self._database.execute("PRAGMA table_info(failed_events)")}
            return [name for name in _LATER_COLUMNS if name not in known]

        if not missing():
            return
        self._database.execute("BEGIN IMMEDIATE")
        # Another process may have come first.
        for name in missing():
            self._database.execute(f"ALTER TABLE failed_events ADD COLUMN {name} {_LATER_COLUMNS[name]}")
        self._database.execute("COMMIT")


def _remedy(path: Path, error: sqlite3.Error) -> str:
    """What to do about a file that is no database any more; nothing about other errors."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return ""
    return (
        f". Stop the server, restore {path} from a backup or move it away with its -wal and -shm, and start it again; "
        "failed events that are not in a backup are lost then"
    )


def _failed(found: Sequence[Any]) -> Failed:
    return Failed._make([*found[:5], _decode(found[5]), bool(found[6]), *found[7:]])
