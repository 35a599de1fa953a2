"""What waits to be posted to each endpoint, and what was given up."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from snowmelt.stores.errors import StoreError
from snowmelt.stores.outbox import Delivery, Target
from snowmelt.stores.remains import leave_nothing
from snowmelt.stores.webhooks import Endpoint, Webhooks

DEAD_KEPT = 10_000
"""Of what was given up, so many of one endpoint are kept, the newest."""

_COLUMNS = "number, endpoint, id, name, body, made, started, attempts, reason"


class Waiting(NamedTuple):
    """One message for one endpoint.

    Args:
        number: of its own.
        endpoint: the id of its endpoint.
        id: of the intervention; the same at every attempt and endpoint.
        name: of the intervention.
        body: what is posted.
        made: when it was taken from the outbox, ms since the epoch.
        started: from when on the time counts after which it is given up; later than ``made`` if it was replayed.
        attempts: that have failed.
        reason: why the last one did.
    """

    number: int
    endpoint: int
    id: str
    name: str
    body: bytes
    made: int
    started: int
    attempts: int
    reason: str


class _Named(msgspec.Struct):
    name: str


_name_of = msgspec.json.Decoder(_Named).decode
_read = msgspec.json.Decoder().decode


class WebhookQueue:
    """The queues of all endpoints, in the database of the endpoints.

    Args:
        webhooks: the database.
        max_waiting: more than these are not kept for one endpoint; what comes then is given up at once.
    """

    def __init__(self, webhooks: Webhooks, max_waiting: int = 100_000) -> None:
        self._webhooks, self._max_waiting = webhooks, max_waiting
        self._database = webhooks.database

    def place(self) -> int:
        """Up to which place of the outbox everything was taken."""
        return int(self._database.execute("SELECT place FROM intake").fetchone()[0])

    def take(self, deliveries: Sequence[Delivery], endpoints: Iterable[Endpoint]) -> set[int]:
        """Queue what comes next in the outbox for every endpoint that wants it; all of it, or nothing.

        Args:
            deliveries: in the order of the outbox, at least one, all after :meth:`place`.
            endpoints: as they are now.

        Returns:
            The ids of the endpoints that got something.
        """
        now = self._webhooks.clock()
        named = [(_name_of(one.payload).name, one) for one in deliveries]
        touched: set[int] = set()
        with self._webhooks.writing() as database:
            for endpoint in endpoints:
                wanted = [(name, one) for name, one in named if endpoint.wants(name, one.place)]
                if not wanted or endpoint.disabled is not None:
                    continue
                (waiting,) = database.execute(
                    "SELECT count(*) FROM deliveries WHERE endpoint = ? AND dead = 0", (endpoint.id,)
                ).fetchone()
                room = max(self._max_waiting - waiting, 0)
                self._insert(endpoint.id, wanted[:room], now)
                if wanted[room:]:
                    reason = f"{self._max_waiting} others were waiting"
                    self._count_dead(endpoint.id, self._insert(endpoint.id, wanted[room:], now, reason))
                touched.add(endpoint.id)
            database.execute("UPDATE intake SET place = ?", (deliveries[-1].place,))
        return touched

    def due(self, endpoint: int, limit: int) -> list[Waiting]:
        """At most ``limit`` messages that are to be sent now, the longest due first."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM deliveries WHERE endpoint = ? AND dead = 0 AND due <= ? "
            "ORDER BY due, number LIMIT ?",
            (endpoint, self._webhooks.clock(), limit),
        )
        return [Waiting(*row) for row in rows]

    def next_due(self, endpoint: int) -> int | None:
        """When the next message is to be sent, ms since the epoch; ``None`` if none waits."""
        (found,) = self._database.execute(
            "SELECT min(due) FROM deliveries WHERE endpoint = ? AND dead = 0", (endpoint,)
        ).fetchone()
        return found if found is None else int(found)

    def done(self, message: Waiting) -> None:
        """The endpoint has taken it."""
        with self._webhooks.writing() as database:
            database.execute("DELETE FROM deliveries WHERE number = ?", (message.number,))
            database.execute("UPDATE endpoints SET delivered = delivered + 1 WHERE id = ?", (message.endpoint,))

    def retry(self, message: Waiting, due: int, reason: str) -> None:
        """Try again at an instant (ms since the epoch)."""
        with self._webhooks.writing() as database:
            database.execute(
                "UPDATE deliveries SET attempts = attempts + 1, due = ?, reason = ? WHERE number = ?",
                (due, reason, message.number),
            )
            database.execute("UPDATE endpoints SET retried = retried + 1 WHERE id = ?", (message.endpoint,))

    def give_up(self, message: Waiting, reason: str, started_before: int) -> None:
        """Give up a message, and all others for its endpoint that have waited since before an instant.

        Args:
            message: whose last attempt has failed.
            reason: why.
            started_before: ms since the epoch.
        """
        with self._webhooks.writing() as database:
            database.execute(
                "UPDATE deliveries SET attempts = attempts + 1 WHERE number = ? AND dead = 0", (message.number,)
            )
            given_up = database.execute(
                "UPDATE deliveries SET dead = 1, reason = ?1 "
                "WHERE (number = ?2 OR (endpoint = ?3 AND started < ?4)) AND dead = 0",
                (reason, message.number, message.endpoint, started_before),
            ).rowcount
            self._count_dead(message.endpoint, given_up)

    def dead(self, endpoint: str | None = None, limit: int = 100) -> list[tuple[str, Waiting]]:
        """What was given up, with the names of the endpoints, the newest first."""
        columns = ", ".join(f"deliveries.{name}" for name in _COLUMNS.split(", "))
        rows = self._database.execute(
            f"SELECT endpoints.name, {columns} FROM deliveries JOIN endpoints ON endpoints.id = endpoint "
            "WHERE deliveries.dead = 1 AND (?1 IS NULL OR endpoints.name = ?1) ORDER BY number DESC LIMIT ?2",
            (endpoint, limit),
        )
        return [(name, Waiting(*row)) for name, *row in rows]

    def get_dead(self, number: int) -> tuple[str, Waiting] | None:
        """One message that was given up, with its endpoint's name."""
        return next((found for found in self.dead(limit=-1) if found[1].number == number), None)

    def meant(self, targets: Collection[Target]) -> list[tuple[str, Waiting]]:
        """All messages to some targets, waiting or given up, with the names of their endpoints; reads all."""
        columns = ", ".join(f"deliveries.{name}" for name in _COLUMNS.split(", "))
        rows = self._database.execute(
            f"SELECT endpoints.name, {columns} FROM deliveries "
            "JOIN endpoints ON endpoints.id = endpoint ORDER BY number"
        )
        return [(name, Waiting(*row)) for name, *row in rows if not targets_of(row[4]).isdisjoint(targets)]

    def erase(self, targets: Collection[Target]) -> int:
        """Delete messages to some targets, and leave nothing in the files of these or of those that were sent.

        Returns:
            How many were deleted.

        Raises:
            StoreError: if the database refuses, or somebody reads it for long.
        """
        numbers = [(one.number,) for _, one in self.meant(targets)]
        with self._webhooks.writing() as database:
            database.executemany("DELETE FROM deliveries WHERE number = ?", numbers)
        try:
            leave_nothing(self._database)
        except sqlite3.Error as error:
            raise StoreError(f"the webhooks at {self._webhooks.path} cannot be erased: {error}") from error
        return len(numbers)

    def replay(self, number: int) -> bool:
        """Send a message again that was given up, now and for as long as a new one; whether there is one."""
        now = self._webhooks.clock()
        with self._webhooks.writing() as database:
            replayed = database.execute(
                "UPDATE deliveries SET dead = 0, attempts = 0, started = ?1, due = ?1 WHERE number = ?2 AND dead = 1",
                (now, number),
            )
            return replayed.rowcount > 0

    def _insert(self, endpoint: int, wanted: Sequence[tuple[str, Delivery]], now: int, given_up: str = "") -> int:
        """Queue messages, or keep them as given up for a reason; how many are new."""
        rows = [
            (endpoint, str(one.id), name, body_of(one, now), now, now, now, given_up, bool(given_up))
            for name, one in wanted
        ]
        # An endpoint that was removed meanwhile gets nothing.
        return self._database.executemany(
            "INSERT OR IGNORE INTO deliveries (endpoint, id, name, body, made, started, due, reason, dead) "
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM endpoints WHERE id = ?1",
            rows,
        ).rowcount

    def _count_dead(self, endpoint: int, given_up: int) -> None:
        if not given_up:
            return
        self._database.execute("UPDATE endpoints SET dead = dead + ? WHERE id = ?", (given_up, endpoint))
        self._database.execute(
            "DELETE FROM deliveries WHERE endpoint = ?1 AND dead = 1 AND number < (SELECT number FROM deliveries "
            "WHERE endpoint = ?1 AND dead = 1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
            (endpoint, DEAD_KEPT - 1),
        )


def body_of(delivery: Delivery, time: int) -> bytes:
    """What is posted: the intervention with all its targets.

    Args:
        delivery: as it is in the outbox.
        time: ms since the epoch.

    >>> from uuid import UUID
    >>> body_of(Delivery(UUID(int=1), (("user_id", "ann"),), b'{"name":"hello"}'), 0).decode()
    '{"type":"intervention","timestamp":"1970-01-01T00:00:00.000Z","data":{"name":"hello","target_attribute_keys":[{"name":"user_id","id":"ann"}]}}'
    """
    targets = msgspec.json.encode([{"name": name, "id": identifier} for name, identifier in delivery.targets])
    moment = msgspec.json.encode(_instant(time))
    data = delivery.payload[:-1] + b',"target_attribute_keys":' + targets + b"}"
    return b'{"type":"intervention","timestamp":' + moment + b',"data":' + data + b"}"


def targets_of(body: bytes) -> set[Target]:
    """To whom a message goes.

    >>> from uuid import UUID
    >>> targets_of(body_of(Delivery(UUID(int=1), (("user_id", "ann"),), b'{"name":"hello"}'), 0))
    {('user_id', 'ann')}
    """
    return {(one["name"], one["id"]) for one in _read(body)["data"]["target_attribute_keys"]}


def _instant(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
