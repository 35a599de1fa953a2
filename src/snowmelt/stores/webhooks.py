"""Webhooks: the endpoints that interventions are posted to, in one database with what waits for them."""

import base64
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from snowmelt.stores.errors import StoreError, StoreFullError
from snowmelt.stores.outbox import place_at

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
LEAST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS endpoints (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    url           TEXT    NOT NULL,
    secret        TEXT    NOT NULL,
    interventions TEXT    NOT NULL,
    timeout       REAL    NOT NULL,
    since         INTEGER NOT NULL,
    disabled      TEXT,
    delivered     INTEGER NOT NULL DEFAULT 0,
    retried       INTEGER NOT NULL DEFAULT 0,
    dead          INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS deliveries (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint  INTEGER NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    id        TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    body      BLOB    NOT NULL,
    made      INTEGER NOT NULL,
    started   INTEGER NOT NULL,
    due       INTEGER NOT NULL,
    attempts  INTEGER NOT NULL DEFAULT 0,
    reason    TEXT    NOT NULL DEFAULT '',
    dead      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (endpoint, id)
);
CREATE INDEX IF NOT EXISTS deliveries_by_due ON deliveries (endpoint, dead, due);
CREATE TABLE IF NOT EXISTS intake (place INTEGER NOT NULL);
"""
_COLUMNS = "id, name, url, secret, interventions, timeout, since, disabled"


class Endpoint(NamedTuple):
    """Where interventions are posted to.

    Args:
        id: a number of its own, never used again.
        name: for people.
        url: may hold a secret of its receiver's, so it is not logged.
        secret: what messages are signed with; not shown after the endpoint was added.
        interventions: the names of those that it gets; all if there are none.
        timeout: seconds that one attempt may take.
        since: the place in the outbox from which on it gets them.
        disabled: why nothing is sent to it at present, or ``None``.
    """

    id: int
    name: str
    url: str
    secret: str
    interventions: tuple[str, ...] = ()
    timeout: float = 15.0
    since: int = 0
    disabled: str | None = None

    def __repr__(self) -> str:
        # Whatever prints an endpoint must not print its secret.
        return f"Endpoint({self.name!r})"

    def wants(self, name: str, place: int) -> bool:
        """Whether it gets an intervention of this name that stands at a place in the outbox."""
        return place >= self.since and (not self.interventions or name in self.interventions)


class EndpointCounts(NamedTuple):
    """What has become of an endpoint's deliveries.

    Args:
        name: of the endpoint.
        delivered: that the endpoint took.
        retried: attempts that failed and were followed by another.
        dead: given up, ever.
        waiting: not taken yet.
        oldest: when the oldest of these was made, ms since the epoch; 0 if none waits.
        dead_now: given up and still kept.
    """

    name: str
    delivered: int
    retried: int
    dead: int
    waiting: int
    oldest: int
    dead_now: int


class Webhooks:
    """The database of endpoints, written by the command line and the sending process.

    Args:
        path: the database file; made, with mode 0600, if absent.
        clock: ms since the epoch.

    Raises:
        StoreError: if it cannot be opened.
    """

    def __init__(self, path: Path, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.path, self.clock = path, clock
        try:
            # Secrets are inside: nobody else may read it, not even for the moment after it was made.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self.database = sqlite3.connect(path, timeout=10, isolation_level=None)
            self.database.execute("PRAGMA journal_mode = WAL")
            # A commit is safe from the end of the process, not from a power cut: see `sync`.
            self.database.execute("PRAGMA synchronous = NORMAL")
            self.database.execute("PRAGMA foreign_keys = ON")
            self.database.executescript(_SCHEMA)
            with self.writing() as database:
                if database.execute("SELECT 1 FROM intake").fetchone() is None:
                    # What was sent before there was any endpoint concerns none.
                    database.execute("INSERT INTO intake VALUES (?)", (place_at(clock()) - 1,))
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the webhooks at {path} cannot be opened: {error}") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is kept, or nothing.

        Raises:
            StoreFullError: if there is no room on the disk.
            StoreError: if the database refuses for another reason.
        """
        try:
            self.database.execute("BEGIN IMMEDIATE")
            try:
                yield self.database
                self.database.execute("COMMIT")
            except BaseException:
                if self.database.in_transaction:
                    self.database.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StoreFullError(f"there is no room for webhooks at {self.path}: free disk space") from error
            raise StoreError(f"the webhooks at {self.path} cannot be written: {error}") from error

    def sync(self) -> None:
        """Have everything that was committed survive a power cut, too; costs a sync of the disk or two."""
        self.database.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def version(self) -> int:
        """A number that is another one after any other process has changed something; a microsecond."""
        return int(self.database.execute("PRAGMA data_version").fetchone()[0])

    def add(
        self,
        name: str,
        url: str,
        *,
        interventions: tuple[str, ...] = (),
        timeout: float = 15.0,
        secret: str | None = None,
    ) -> Endpoint:
        """Add an endpoint; it gets what is sent from now on.

        Args:
            name: not used by another.
            url: checked by the caller.
            interventions: names; none stands for all.
            timeout: seconds.
            secret: text as :func:`key_of` takes; made if not given.

        Raises:
            StoreError: if the name is taken, or the secret is none.
        """
        secret = secret or new_secret()
        key_of(secret)
        row = (name, url, secret, json.dumps(interventions), timeout, place_at(self.clock()))
        try:
            with self.writing() as database:
                database.execute(
                    "INSERT INTO endpoints (name, url, secret, interventions, timeout, since) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    row,
                )
        except sqlite3.IntegrityError:
            raise StoreError(f"there is a webhook {name} already: remove it first, or choose another name") from None
        found = self.get(name)
        assert found is not None
        return found

    def remove(self, name: str) -> bool:
        """Remove an endpoint with all that waits for it; whether there was one."""
        with self.writing() as database:
            return database.execute("DELETE FROM endpoints WHERE name = ?", (name,)).rowcount > 0

    def disable(self, endpoint: int, reason: str) -> None:
        """Send nothing to an endpoint any more; what waits for it is given up for the same reason."""
        with self.writing() as database:
            database.execute("UPDATE endpoints SET disabled = ? WHERE id = ?", (reason, endpoint))
            given_up = database.execute(
                "UPDATE deliveries SET dead = 1, reason = ? WHERE endpoint = ? AND dead = 0", (reason, endpoint)
            ).rowcount
            database.execute("UPDATE endpoints SET dead = dead + ? WHERE id = ?", (given_up, endpoint))

    def enable(self, name: str) -> bool:
        """Send to an endpoint again, from what is sent from now on; whether there is one."""
        with self.writing() as database:
            enabled = database.execute(
                "UPDATE endpoints SET since = max(since, ?), disabled = NULL WHERE name = ?",
                (place_at(self.clock()), name),
            )
            return enabled.rowcount > 0

    def get(self, name: str) -> Endpoint | None:
        """One endpoint, or ``None``."""
        return next((one for one in self.endpoints() if one.name == name), None)

    def endpoints(self) -> list[Endpoint]:
        """All endpoints, in the order in which they were added."""
        rows = self.database.execute(f"SELECT {_COLUMNS} FROM endpoints ORDER BY id")
        return [
            Endpoint(number, name, url, secret, tuple(json.loads(names)), *rest)
            for number, name, url, secret, names, *rest in rows
        ]

    def counts(self) -> list[EndpointCounts]:
        """What has become of each endpoint's deliveries; some milliseconds where many wait."""
        return _counts(self.database)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def counts_at(path: Path) -> list[EndpointCounts]:
    """What has become of each endpoint's deliveries, where there may be no webhooks at all; nothing is made."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as database:
        try:
            return _counts(database)
        except sqlite3.Error:  # it is being made, or mended: the next look will tell
            return []


def _counts(database: sqlite3.Connection) -> list[EndpointCounts]:
    rows = database.execute(
        "SELECT name, delivered, retried, dead, "
        "(SELECT count(*) FROM deliveries WHERE endpoint = endpoints.id AND dead = 0), "
        "coalesce((SELECT min(made) FROM deliveries WHERE endpoint = endpoints.id AND dead = 0), 0), "
        "(SELECT count(*) FROM deliveries WHERE endpoint = endpoints.id AND dead = 1) "
        "FROM endpoints ORDER BY id"
    )
    return [EndpointCounts(*row) for row in rows]


def new_secret() -> str:
    """A secret to sign with: ``whsec_`` and 32 random bytes in base64, as the Standard Webhooks write it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        StoreError: it is no ``whsec_`` text of 24 to 64 bytes in base64.

    >>> len(key_of(new_secret()))
    32
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not LEAST_SECRET_BYTES <= len(key) <= MOST_SECRET_BYTES:
        raise StoreError(
            f"this is no secret for webhooks: {SECRET_PREFIX} and {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes in "
            "base64 make one"
        )
    return key
