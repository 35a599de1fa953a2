"""API keys: who may call besides the holder of the sandbox token, and what for."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, Row, insert, or_, select, update

from snowmelt.definitions.problems import Problem
from snowmelt.stores.registry.database import Database
from snowmelt.stores.registry.errors import InvalidDefinition, NotFound
from snowmelt.stores.registry.tables import NAME_LENGTH, api_keys, organization

Role: TypeAlias = Literal["reader", "writer", "admin"]
"""A reader reads values and definitions; a writer also changes definitions; an admin also manages keys."""

ROLES: Final[tuple[Role, ...]] = ("reader", "writer", "admin")
"""Each may do what those before it may."""

KEY_PREFIX: Final = "smk_"
"""How a key begins: told apart from other tokens at a glance, and by scanners that look for leaked secrets."""

USE_INTERVAL: Final = timedelta(minutes=10)
"""How exact ``last_used_at`` is: uses that follow closer are not written down."""


@dataclass(frozen=True, slots=True)
class StoredApiKey:
    """An API key as registered, without the key itself, which nobody can read back.

    Args:
        id: its public id, a UUID.
        name: what it is for, for people; may be empty.
        role: what it may do.
        digest: SHA-256 of the key, hexadecimal.
        created_at: when it was made.
        expires_at: from when on it is refused; None if never.
        revoked_at: since when it is refused; None if it is not revoked.
        last_used_at: when it was last used, within ``USE_INTERVAL``; None if never.
    """

    id: str
    name: str
    role: Role
    digest: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewApiKey(NamedTuple):
    """A key that was just made.

    Args:
        stored: as it is registered.
        key: the secret, known only now.
    """

    stored: StoredApiKey
    key: str


def digest_of(key: str) -> str:
    """What is kept of a key.

    A key has 256 random bits, so nobody finds it by trying, however fast the hash is. Slow and salted hashes
    protect what people think up; here they would only make each check expensive, for the server first of all.

    >>> digest_of("smk_x") == digest_of("smk_x"), len(digest_of("smk_x"))
    (True, 64)
    """
    return hashlib.sha256(key.encode()).hexdigest()


def may(role: Role, needed: Role) -> bool:
    """Whether a role includes another.

    >>> may("writer", "reader"), may("reader", "writer")
    (True, False)
    """
    return ROLES.index(role) >= ROLES.index(needed)


class ApiKeys:
    """Makes, lists and revokes API keys. Every change is seen by all processes at their next request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def organization(self) -> str:
        """The id of the one organization of this server: a UUID that never changes."""
        with self._database.read() as connection:
            value: str = connection.execute(select(organization.c.id)).scalar_one()
        return value

    def all(self) -> list[StoredApiKey]:
        """Every key that was ever made, revoked and expired ones too, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
            return [_stored(row) for row in rows]

    def create(self, role: Role, *, name: str = "", expires_at: datetime | None = None) -> NewApiKey:
        """Make a key.

        Args:
            role: what it may do.
            name: what it is for, for people.
            expires_at: from when on it is refused; None: never.

        Raises:
            InvalidDefinition: the role is none, the name is too long or no line of text, or the instant is past.
        """
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        with self._database.write() as change:
            if problems := _problems(role, name, expires_at, change.now):
                raise InvalidDefinition("The API key", problems)
            key_id = str(uuid.uuid4())
            change.connection.execute(
                insert(api_keys).values(
                    id=key_id,
                    name=name,
                    role=role,
                    digest=digest_of(key),
                    created_at=change.now,
                    expires_at=expires_at,
                )
            )
            change.mark()
            return NewApiKey(_get(change.connection, key_id), key)

    def revoke(self, key_id: str) -> StoredApiKey:
        """Have a key refused from now on, and every token that was fetched with it. Twice does no harm.

        Raises:
            NotFound: there is no key of this id.
        """
        with self._database.write() as change:
            stored = _get(change.connection, key_id)
            if stored.revoked_at is None:
                change.connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=change.now))
                change.mark()
            return _get(change.connection, key_id)

    def note_use(self, key_id: str) -> None:
        """Write down that a key is in use, unless that was done within ``USE_INTERVAL``."""
        with self._database.write() as change:
            used = api_keys.c.last_used_at
            # No mark: nothing that readers know has changed.
            change.connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, or_(used.is_(None), used <= change.now - USE_INTERVAL))
                .values(last_used_at=change.now)
            )


def add_organization(connection: Connection) -> None:
    """Give a new registry its organization."""
    connection.execute(insert(organization).values(id=str(uuid.uuid4())))


def _problems(role: str, name: str, expires_at: datetime | None, now: datetime) -> list[Problem]:
    problems = []
    if role not in ROLES:
        problems.append(Problem(("role",), f"there is no role `{role}`; there is {', '.join(ROLES)}", "unknown_role"))
    if len(name) > NAME_LENGTH:
        text = f"the name has {len(name)} characters; at most {NAME_LENGTH} are taken"
        problems.append(Problem(("name",), text, "string_too_long"))
    if not name.isprintable():
        problems.append(Problem(("name",), "the name must be one line of printable text", "not_printable"))
    if expires_at is not None and expires_at <= now:
        text = f"{expires_at.isoformat()} is past: name a later instant"
        problems.append(Problem(("expires_at",), text, "not_in_the_future"))
    return problems


def _get(connection: Connection, key_id: str) -> StoredApiKey:
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no API key with the id {key_id}.")
    return _stored(row)


def _stored(row: Row[Any]) -> StoredApiKey:
    return StoredApiKey(**row._mapping)
