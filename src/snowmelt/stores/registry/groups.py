"""Attribute groups in the registry: versions, drafts, and the states that their values are stored under."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from snowmelt.definitions import AttributeGroup
from snowmelt.definitions.identity import same_definition
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules import check_group
from snowmelt.stores.registry.agentic_decisions import unpublish_decisions_with
from snowmelt.stores.registry.codec import group_from_json, to_json
from snowmelt.stores.registry.database import Change, Database
from snowmelt.stores.registry.errors import (
    AlreadyExists,
    InUse,
    InvalidDefinition,
    NotFound,
    PublishedVersion,
    StillPublished,
)
from snowmelt.stores.registry.interventions import unpublish_interventions_with
from snowmelt.stores.registry.keys import settle_key
from snowmelt.stores.registry.services import services_with_group
from snowmelt.stores.registry.states import drop_state, new_state
from snowmelt.stores.registry.tables import attribute_groups


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group version as registered, with the registered definition of its key.

    Args:
        group: the definition.
        state_id: where its values are stored; never given to anything else.
        created_at: first registered.
        updated_at: last changed.
        published_at: when this definition was first published; None if it has no values yet.
    """

    group: AttributeGroup
    state_id: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """What writing a group version would do.

    Args:
        before: the version as registered; None if it would be new.
        after: as it would be registered.
        highest: the group's highest version at present; None if the group would be new.
    """

    before: StoredGroup | None
    after: StoredGroup
    highest: int | None


class Groups:
    """Reads and changes attribute groups, version by version."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, *, published_only: bool = False) -> list[StoredGroup]:
        """Versions of all groups, by name and version."""
        query = select(attribute_groups).order_by("name", "version")
        if published_only:
            query = query.where(attribute_groups.c.is_published.is_(True))
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def versions(self, name: str) -> list[StoredGroup]:
        """All versions of one group, in ascending order.

        Raises:
            NotFound: there is none.
        """
        query = select(attribute_groups).where(attribute_groups.c.name == name).order_by("version")
        with self._database.read() as connection:
            versions = [_stored(row) for row in connection.execute(query)]
        if not versions:
            raise NotFound(f"There is no attribute group {name}.")
        return versions

    def get(self, name: str, version: int | None = None) -> StoredGroup:
        """One version of a group, or its highest one.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as connection:
            if version is None:
                version = _highest(connection, name)
                if version is None:
                    raise NotFound(f"There is no attribute group {name}.")
            return _get(connection, name, version)

    def create(self, group: AttributeGroup) -> StoredGroup:
        """Register a version, published or as a draft.

        Raises:
            AlreadyExists: the version is there, whatever its definition.
            InvalidDefinition: it breaks rules.
            KeyConflict: it describes its key otherwise than the registry does.
        """
        with self._database.write() as change:
            return _create(change, group)

    def update(self, group: AttributeGroup) -> StoredGroup:
        """Change a version: publish it, unpublish it, or edit it while it is unpublished.

        A definition that means the same as the registered one only changes whether it is published.

        Raises:
            NotFound: there is no such version.
            PublishedVersion: it is published with another definition.
            InUse: it was to be unpublished, but services refer to it.
            InvalidDefinition: it breaks rules.
            KeyConflict: it describes its key otherwise than the registry does.
        """
        with self._database.write() as change:
            return _update(change, group)

    def tried(self, group: AttributeGroup) -> AttributeGroup:
        """A stream group as it would be published under a free name, with its key as it is registered.

        Nothing is changed.

        Raises:
            Refused: its key is described otherwise than it is registered.
            InvalidDefinition: it could not be published.
        """
        with self._database.rehearse() as change:
            settled = _settled(change, group.model_copy(update={"is_published": True}))
            _check(change, settled)
        return settled

    def plan(self, group: AttributeGroup) -> GroupPlan:
        """What `create`, or `update` if the version exists, would do with a definition; nothing is changed.

        It is done inside a transaction that is undone, so that it tells what would happen and not what somebody
        thinks would. Other changes wait meanwhile, a few milliseconds.

        Args:
            group: the definition, published or not, as it would be sent.

        Raises:
            Refused: as these would.
            InvalidDefinition: as these would.
        """
        with self._database.rehearse() as change:
            before = _find(change.connection, group.name, group.version)
            highest = _highest(change.connection, group.name)
            after = _create(change, group) if before is None else _update(change, group)
        return GroupPlan(before, after, highest)

    def delete(self, name: str, version: int) -> None:
        """Remove a version; its values can no longer be read.

        Raises:
            NotFound: there is no such version.
            StillPublished: unpublish it first.
            InUse: services refer to it.
        """
        with self._database.write() as change:
            stored = _get(change.connection, name, version)
            _refuse_if_used(change.connection, stored, "deleted")
            if stored.group.is_published:
                raise StillPublished(_title(stored.group))
            groups = attribute_groups
            change.connection.execute(delete(groups).where(groups.c.name == name, groups.c.version == version))
            drop_state(change, stored.state_id)
            change.mark()


def _create(change: Change, group: AttributeGroup) -> StoredGroup:
    name, version = group.name, group.version
    if _find(change.connection, name, version) is not None:
        raise AlreadyExists(
            f"Attribute group {name} version {version} exists already. "
            f"PUT registry/attribute_groups/{name}/versions/{version} changes it."
        )
    group = _settled(change, group)
    _check(change, group)
    change.connection.execute(
        insert(attribute_groups).values(
            name=name,
            version=version,
            **_columns(group, change),
            state_id=_new_state(change, group),
            created_at=change.now,
            published_at=change.now if group.is_published else None,
        )
    )
    change.mark()
    return _get(change.connection, name, version)


def _update(change: Change, group: AttributeGroup) -> StoredGroup:
    stored = _get(change.connection, group.name, group.version)
    group = _settled(change, group)
    if same_definition(group, stored.group):
        set_group_published(change, group.name, group.version, group.is_published)
    elif stored.group.is_published:
        highest = _highest(change.connection, group.name) or group.version
        raise PublishedVersion(f"Attribute group {group.name}", group.version, highest + 1)
    else:
        _check(change, group)
        _edit(change, stored, group)
    return _get(change.connection, group.name, group.version)


def set_group_published(change: Change, name: str, version: int, is_published: bool) -> None:
    """Publish or unpublish a version; nothing happens if it is so already.

    Values stay stored and are continued when it is published again. What is unpublished takes the published
    interventions and agentic decisions that look at it along.

    Raises:
        NotFound: there is no such version.
        InUse: it was to be unpublished, but services refer to it.
        InvalidDefinition: it was to be published, but is not complete.
        KeyConflict: it describes its key otherwise than the registry does by now.
    """
    stored = _get(change.connection, name, version)
    if stored.group.is_published == is_published:
        return
    group = stored.group.model_copy(update={"is_published": is_published})
    published_at = stored.published_at
    if is_published:
        group = _settled(change, group)
        _check(change, group)
        published_at = published_at or change.now
    else:
        _refuse_if_used(change.connection, stored, "unpublished")
        unpublish_interventions_with(change, stored.group)
        unpublish_decisions_with(change, stored.group)
    _write(change, group, state_id=stored.state_id, published_at=published_at)


def _edit(change: Change, stored: StoredGroup, group: AttributeGroup) -> None:
    """Replace an unpublished definition. One that computes other values starts without any."""
    if _same_values(group, stored.group):
        state_id, published_at = stored.state_id, stored.published_at
    else:
        state_id, published_at = _new_state(change, group), None
    if group.is_published and published_at is None:
        published_at = change.now
    _write(change, group, state_id=state_id, published_at=published_at)
    if state_id != stored.state_id:
        drop_state(change, stored.state_id)


def _write(change: Change, group: AttributeGroup, *, state_id: int, published_at: datetime | None) -> None:
    change.connection.execute(
        update(attribute_groups)
        .where(attribute_groups.c.name == group.name, attribute_groups.c.version == group.version)
        .values(**_columns(group, change), state_id=state_id, published_at=published_at)
    )
    change.mark()


def _columns(group: AttributeGroup, change: Change) -> dict[str, Any]:
    return {
        "definition": to_json(group),
        "is_published": group.is_published,
        "attribute_key": group.attribute_key.name,
        "updated_at": change.now,
    }


def _settled(change: Change, group: AttributeGroup) -> AttributeGroup:
    key = settle_key(change, group.attribute_key, register=group.is_published)
    return group.model_copy(update={"attribute_key": key})


def _check(change: Change, group: AttributeGroup) -> None:
    problems = check_group(group, now=change.now)
    if group.is_published and group.kind == "stream":
        if group.attribute_key.key_property() is None:
            problems.append(
                Problem(
                    ("attribute_key", "property"),
                    f"events do not say what identifies a `{group.attribute_key.name}`: register the key "
                    "with a `property`",
                    "unresolved_key",
                )
            )
        # Only what keeps the rules can be tried.
        problems = problems or change.check_stream(group)
    if problems:
        raise InvalidDefinition(_title(group), problems)


def _same_values(a: AttributeGroup, b: AttributeGroup) -> bool:
    """Whether two definitions differ at most in words about them."""

    def bare(group: AttributeGroup) -> AttributeGroup:
        silent = {"description": None}
        return group.model_copy(
            update={
                **silent,
                "owner": None,
                "attributes": [item.model_copy(update=silent) for item in group.attributes or []] or None,
                "fields": [item.model_copy(update=silent) for item in group.fields or []] or None,
            }
        )

    return same_definition(bare(a), bare(b))


def _new_state(change: Change, group: AttributeGroup) -> int:
    return new_state(change, "attribute_group", group.name, group.version)


def _refuse_if_used(connection: Connection, stored: StoredGroup, action: str) -> None:
    if users := services_with_group(connection, stored.group.name, stored.group.version):
        raise InUse(_title(stored.group), action, users)


def _title(group: AttributeGroup) -> str:
    return f"Attribute group {group.name} version {group.version}"


def _highest(connection: Connection, name: str) -> int | None:
    query = select(func.max(attribute_groups.c.version)).where(attribute_groups.c.name == name)
    return connection.execute(query).scalar()


def _find(connection: Connection, name: str, version: int) -> StoredGroup | None:
    groups = attribute_groups
    row = connection.execute(select(groups).where(groups.c.name == name, groups.c.version == version)).one_or_none()
    return None if row is None else _stored(row)


def _get(connection: Connection, name: str, version: int) -> StoredGroup:
    stored = _find(connection, name, version)
    if stored is None:
        raise NotFound(f"There is no attribute group {name} version {version}.")
    return stored


def _stored(row: Row[Any]) -> StoredGroup:
    return StoredGroup(group_from_json(row.definition), row.state_id, row.created_at, row.updated_at, row.published_at)
