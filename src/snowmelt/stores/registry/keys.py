"""Attribute keys in the registry."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from snowmelt.definitions.attribute_key import BUILT_IN_KEYS, AttributeKey
from snowmelt.definitions.rules import check_key
from snowmelt.stores.registry.codec import to_json
from snowmelt.stores.registry.database import Change, Database
from snowmelt.stores.registry.errors import (
    AlreadyExists,
    BuiltIn,
    InUse,
    InvalidDefinition,
    KeyConflict,
    NotFound,
    StillPublished,
)
from snowmelt.stores.registry.interventions import interventions_with_key
from snowmelt.stores.registry.tables import attribute_groups, attribute_keys


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An attribute key as registered."""

    key: AttributeKey
    is_built_in: bool
    created_at: datetime
    updated_at: datetime


class Keys:
    """Reads and changes attribute keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[StoredKey]:
        """Every key, by name."""
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(select(attribute_keys).order_by("name"))]

    def get(self, name: str) -> StoredKey:
        """One key.

        Raises:
            NotFound: there is none of this name.
        """
        with self._database.read() as connection:
            return get_key(connection, name)

    def create(self, key: AttributeKey) -> StoredKey:
        """Register a key.

        Raises:
            AlreadyExists: a key has this name, whatever its definition.
            InvalidDefinition: it breaks rules.
        """
        with self._database.write() as change:
            if find_key(change.connection, key.name) is not None:
                raise AlreadyExists(
                    f"Attribute key {key.name} exists already. PUT registry/attribute_keys/{key.name} changes it."
                )
            _check(key)
            return add_key(change, key)

    def update(self, key: AttributeKey) -> StoredKey:
        """Change the registered key of this name, in every group that uses it.

        Raises:
            NotFound: there is none of this name.
            InvalidDefinition: it breaks rules.
            BuiltIn: a built-in key would identify profiles otherwise.
            InUse: the same, while groups have values under it.
        """
        with self._database.write() as change:
            stored = get_key(change.connection, key.name)
            _check(key)
            if to_json(key) == to_json(stored.key):
                return stored
            if key.key_property() != stored.key.key_property():
                if stored.is_built_in:
                    raise BuiltIn(
                        f"Attribute key {key.name} is built in; what it identifies cannot be changed. "
                        "Register a key of another name."
                    )
                if users := _groups(change.connection, key.name, with_values=True):
                    raise InUse(f"Attribute key {key.name}", "given another meaning", users)
            _replace(change, key)
            return get_key(change.connection, key.name)

    def delete(self, name: str) -> None:
        """Remove a key.

        Raises:
            NotFound: there is none of this name.
            BuiltIn: it is built in.
            InUse: groups or interventions refer to it; they are named.
            StillPublished: unpublish it first.
        """
        with self._database.write() as change:
            stored = get_key(change.connection, name)
            if stored.is_built_in:
                raise BuiltIn(f"Attribute key {name} is built in and cannot be deleted.")
            if users := [*_groups(change.connection, name), *interventions_with_key(change.connection, name)]:
                raise InUse(f"Attribute key {name}", "deleted", users)
            if stored.key.is_published:
                raise StillPublished(f"Attribute key {name}")
            change.connection.execute(delete(attribute_keys).where(attribute_keys.c.name == name))
            change.mark()


def find_key(connection: Connection, name: str) -> StoredKey | None:
    """The registered key of this name, if any."""
    row = connection.execute(select(attribute_keys).where(attribute_keys.c.name == name)).one_or_none()
    return None if row is None else _stored(row)


def get_key(connection: Connection, name: str) -> StoredKey:
    """The registered key of this name.

    Raises:
        NotFound: there is none.
    """
    stored = find_key(connection, name)
    if stored is None:
        raise NotFound(f"There is no attribute key {name}.")
    return stored


def add_key(change: Change, key: AttributeKey, *, is_built_in: bool = False) -> StoredKey:
    """Insert a key that is known to be new and valid."""
    change.connection.execute(
        insert(attribute_keys).values(
            name=key.name,
            definition=to_json(key),
            is_published=key.is_published,
            is_built_in=is_built_in,
            created_at=change.now,
            updated_at=change.now,
        )
    )
    change.mark()
    return get_key(change.connection, key.name)


def add_built_in_keys(change: Change) -> None:
    """Insert those built-in keys that are not there."""
    for key in BUILT_IN_KEYS.values():
        if find_key(change.connection, key.name) is None:
            add_key(change, key.model_copy(update={"is_published": True}), is_built_in=True)


def set_key_published(change: Change, name: str, is_published: bool) -> None:
    """Publish or unpublish a key; nothing happens if it is so already.

    Raises:
        NotFound: there is none of this name.
    """
    stored = get_key(change.connection, name)
    if stored.key.is_published != is_published:
        _replace(change, stored.key.model_copy(update={"is_published": is_published}))


def settle_key(change: Change, described: AttributeKey, *, register: bool) -> AttributeKey:
    """The key that a group means when it describes one.

    A registered key of that name wins; what the description leaves open is not compared.

    Args:
        change: the transaction.
        described: as written in the group.
        register: add the key if it is not registered and says what identifies a profile.

    Raises:
        KeyConflict: the description contradicts the registered key.
        InvalidDefinition: it was to be registered, but identifies nothing, or breaks rules.
    """
    stored = find_key(change.connection, described.name)
    if stored is not None:
        if member := _contradiction(stored.key, described):
            raise KeyConflict(
                f"Attribute key {described.name} is registered with another {member} than the group "
                "gives it. Use the registered definition, or a key of another name."
            )
        return stored.key
    if not register:
        return described
    if problems := check_key(described):
        raise InvalidDefinition(
            f"Attribute key {described.name}", [problem.under("attribute_key") for problem in problems]
        )
    return add_key(change, described.model_copy(update={"is_published": True})).key


def _check(key: AttributeKey) -> None:
    if problems := check_key(key):
        raise InvalidDefinition(f"Attribute key {key.name}", problems)


def _stored(row: Row[Any]) -> StoredKey:
    key = AttributeKey.model_validate_json(row.definition)
    return StoredKey(key, row.is_built_in, row.created_at, row.updated_at)


def _replace(change: Change, key: AttributeKey) -> None:
    """Write the key, and write it into the groups that embed it."""
    definition = to_json(key)
    change.connection.execute(
        update(attribute_keys)
        .where(attribute_keys.c.name == key.name)
        .values(definition=definition, is_published=key.is_published, updated_at=change.now)
    )
    groups = attribute_groups
    rows = change.connection.execute(
        select(groups.c.name, groups.c.version, groups.c.definition).where(groups.c.attribute_key == key.name)
    ).all()
    for name, version, text in rows:
        group = json.loads(text) | {"attribute_key": json.loads(definition)}
        change.connection.execute(
            update(groups)
            .where(groups.c.name == name, groups.c.version == version)
            .values(definition=json.dumps(group, separators=(",", ":")))
        )
    change.mark()


def _groups(connection: Connection, name: str, *, with_values: bool = False) -> list[str]:
    """The group versions that use a key, in words."""
    groups = attribute_groups
    query = select(groups.c.name, groups.c.version).where(groups.c.attribute_key == name)
    if with_values:
        query = query.where(groups.c.published_at.is_not(None))
    rows = connection.execute(query.order_by(groups.c.name, groups.c.version))
    return [f"attribute group {group} version {version}" for group, version in rows]


def _contradiction(registered: AttributeKey, described: AttributeKey) -> str | None:
    """The member by which a description means other profiles than the registered key."""
    if described.key_property() == registered.key_property():
        return None
    for member in ("property", "key"):
        value = getattr(described, member)
        if value is not None and value != getattr(registered, member):
            return member
    return None
