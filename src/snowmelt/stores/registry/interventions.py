"""Interventions in the registry: versions, states, and what they look at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from snowmelt.definitions import AttributeGroup, RuleIntervention
from snowmelt.definitions.identity import same_definition
from snowmelt.definitions.rules import check_intervention
from snowmelt.stores.registry.codec import to_json
from snowmelt.stores.registry.database import Change, Database
from snowmelt.stores.registry.errors import (
    AlreadyExists,
    InvalidDefinition,
    NotFound,
    PublishedVersion,
    StillPublished,
)
from snowmelt.stores.registry.resolution import group_names, looks_at, published_groups, sources
from snowmelt.stores.registry.states import drop_state, new_state
from snowmelt.stores.registry.tables import attribute_keys, interventions

log = structlog.get_logger("snowmelt.registry")


@dataclass(frozen=True, slots=True)
class StoredIntervention:
    """A version of an intervention as registered.

    Args:
        intervention: the definition.
        state_id: where it is remembered for whom it has fired; None before it is first published.
        created_at: first registered.
        updated_at: last changed.
    """

    intervention: RuleIntervention
    state_id: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedIntervention:
    """A published version, and what its names mean while the registry is as it is.

    Args:
        stored: the version.
        targets: the attribute keys that it is sent to: its own, else those of the groups in its criteria.
        sources: the group version of each attribute in its criteria.
    """

    stored: StoredIntervention
    targets: tuple[str, ...]
    sources: dict[str, int]


class Interventions:
    """Reads and changes interventions, version by version."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, *, published_only: bool = False) -> list[StoredIntervention]:
        """Versions of all interventions, by name and version."""
        with self._database.read() as connection:
            return _all(connection, published_only=published_only)

    def published(self) -> list[PublishedIntervention]:
        """The published versions, with what their names mean now."""
        with self._database.read() as connection:
            return published_interventions(connection)

    def meant_groups(self, intervention: RuleIntervention) -> dict[str, AttributeGroup]:
        """The published group version that each attribute in the criteria means, if it were published now.

        Raises:
            InvalidDefinition: it could not be published.
        """
        with self._database.read() as connection:
            _check(connection, intervention.model_copy(update={"is_published": True}))
            names = intervention.attribute_names()
            return sources(names, published_groups(connection, group_names(names)))

    def versions(self, name: str) -> list[StoredIntervention]:
        """All versions of one intervention, in ascending order.

        Raises:
            NotFound: there is none.
        """
        query = select(interventions).where(interventions.c.name == name).order_by("version")
        with self._database.read() as connection:
            versions = [_stored(row) for row in connection.execute(query)]
        if not versions:
            raise NotFound(f"There is no intervention {name}.")
        return versions

    def get(self, name: str, version: int | None = None) -> StoredIntervention:
        """One version of an intervention, or its highest one.

        Raises:
            NotFound: there is none.
        """
        if version is None:
            return self.versions(name)[-1]
        with self._database.read() as connection:
            return _get(connection, name, version)

    def create(self, intervention: RuleIntervention) -> StoredIntervention:
        """Register a version, published or as a draft.

        Raises:
            AlreadyExists: the version is there, whatever its definition.
            InvalidDefinition: it breaks rules, or looks at what is not published.
        """
        name, version = intervention.name, intervention.version
        with self._database.write() as change:
            if _find(change.connection, name, version) is not None:
                raise AlreadyExists(
                    f"Intervention {name} version {version} exists already. "
                    f"PUT registry/interventions/{name}/versions/{version} changes it."
                )
            _check(change.connection, intervention)
            change.connection.execute(
                insert(interventions).values(
                    name=name, version=version, **_columns(change, intervention, None), created_at=change.now
                )
            )
            change.mark()
            return _get(change.connection, name, version)

    def update(self, intervention: RuleIntervention) -> StoredIntervention:
        """Change a version: publish it, unpublish it, or edit it while it is unpublished.

        A definition that means the same as the registered one only changes whether it is published.

        Raises:
            NotFound: there is no such version.
            PublishedVersion: it is published with another definition.
            InvalidDefinition: it breaks rules, or looks at what is not published.
        """
        name, version = intervention.name, intervention.version
        with self._database.write() as change:
            stored = _get(change.connection, name, version)
            if same_definition(intervention, stored.intervention):
                set_intervention_published(change, name, version, intervention.is_published)
            elif stored.intervention.is_published:
                highest = change.connection.execute(
                    select(func.max(interventions.c.version)).where(interventions.c.name == name)
                ).scalar_one()
                raise PublishedVersion(f"Intervention {name}", version, highest + 1)
            else:
                _check(change.connection, intervention)
                _write(change, stored, intervention)
            return _get(change.connection, name, version)

    def delete(self, name: str, version: int) -> None:
        """Remove a version.

        Raises:
            NotFound: there is no such version.
            StillPublished: unpublish it first.
        """
        with self._database.write() as change:
            stored = _get(change.connection, name, version)
            if stored.intervention.is_published:
                raise StillPublished(_title(stored.intervention))
            table = interventions
            change.connection.execute(delete(table).where(table.c.name == name, table.c.version == version))
            if stored.state_id is not None:
                drop_state(change, stored.state_id)
            change.mark()


def set_intervention_published(change: Change, name: str, version: int, is_published: bool) -> None:
    """Publish or unpublish a version; nothing happens if it is so already.

    Raises:
        NotFound: there is no such version.
        InvalidDefinition: it was to be published, but looks at what is not.
    """
    stored = _get(change.connection, name, version)
    if stored.intervention.is_published == is_published:
        return
    intervention = stored.intervention.model_copy(update={"is_published": is_published})
    if is_published:
        _check(change.connection, intervention)
    _write(change, stored, intervention)


def unpublish_interventions_with(change: Change, group: AttributeGroup) -> None:
    """Unpublish what looks at a version of a group, or sends it along; to be called while that is published."""
    versions = published_groups(change.connection, [group.name])
    for stored in _all(change.connection, published_only=True):
        intervention = stored.intervention
        payload = {(link.name, link.version) for link in intervention.payload_attribute_groups or ()}
        if (group.name, group.version) in payload or looks_at(group, intervention.attribute_names(), versions):
            _write(change, stored, intervention.model_copy(update={"is_published": False}))
            log.info("unpublished_with_its_group", what=_title(intervention), group=group.qualified_name)


def interventions_with_key(connection: Connection, key: str) -> list[str]:
    """The interventions that name an attribute key as their target, in words."""
    return [
        f"intervention {stored.intervention.name} version {stored.intervention.version}"
        for stored in _all(connection)
        if any(target.name == key for target in stored.intervention.target_attribute_keys or ())
    ]


def resting_states(connection: Connection) -> list[int]:
    """The state ids of versions that were published and are not now."""
    table = interventions
    query = select(table.c.state_id).where(table.c.state_id.is_not(None), table.c.is_published.is_(False))
    return list(connection.execute(query.order_by(table.c.state_id)).scalars())


def published_interventions(connection: Connection) -> list[PublishedIntervention]:
    """The published versions, with what their names mean now."""
    published = _all(connection, published_only=True)
    names = {name for stored in published for name in group_names(stored.intervention.attribute_names())}
    groups = published_groups(connection, names)
    found = []
    for stored in published:
        meant = sources(stored.intervention.attribute_names(), groups)
        targets = [target.name for target in stored.intervention.target_attribute_keys or ()]
        keys = (group.attribute_key.name for group in meant.values())
        versions = {attribute: group.version for attribute, group in meant.items()}
        found.append(PublishedIntervention(stored, tuple(targets or dict.fromkeys(keys)), versions))
    return found


def _all(connection: Connection, *, published_only: bool = False) -> list[StoredIntervention]:
    query = select(interventions).order_by("name", "version")
    if published_only:
        query = query.where(interventions.c.is_published.is_(True))
    return [_stored(row) for row in connection.execute(query)]


def _find(connection: Connection, name: str, version: int) -> StoredIntervention | None:
    table = interventions
    row = connection.execute(select(table).where(table.c.name == name, table.c.version == version)).one_or_none()
    return None if row is None else _stored(row)


def _get(connection: Connection, name: str, version: int) -> StoredIntervention:
    stored = _find(connection, name, version)
    if stored is None:
        raise NotFound(f"There is no intervention {name} version {version}.")
    return stored


def _stored(row: Row[Any]) -> StoredIntervention:
    intervention = RuleIntervention.model_validate_json(row.definition)
    return StoredIntervention(intervention, row.state_id, row.created_at, row.updated_at)


def _check(connection: Connection, intervention: RuleIntervention) -> None:
    names = group_names(intervention.attribute_names())
    names |= {link.name for link in intervention.payload_attribute_groups or ()}
    keys = set(connection.execute(select(attribute_keys.c.name)).scalars())
    if problems := check_intervention(intervention, published_groups(connection, names), keys):
        raise InvalidDefinition(_title(intervention), problems)


def _write(change: Change, stored: StoredIntervention, intervention: RuleIntervention) -> None:
    table = interventions
    # For whom it has fired is known for as long as it means the same, also while it is not published.
    kept = stored.state_id if same_definition(intervention, stored.intervention) else None
    change.connection.execute(
        update(table)
        .where(table.c.name == intervention.name, table.c.version == intervention.version)
        .values(**_columns(change, intervention, kept))
    )
    if stored.state_id is not None and kept is None:
        drop_state(change, stored.state_id)
    change.mark()


def _columns(change: Change, intervention: RuleIntervention, state_id: int | None) -> dict[str, Any]:
    if intervention.is_published and state_id is None:
        state_id = new_state(change, "intervention", intervention.name, intervention.version)
    return {
        "definition": to_json(intervention),
        "is_published": intervention.is_published,
        "state_id": state_id,
        "updated_at": change.now,
    }


def _title(intervention: RuleIntervention) -> str:
    return f"Intervention {intervention.name} version {intervention.version}"
