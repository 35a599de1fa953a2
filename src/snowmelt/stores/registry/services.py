"""Services in the registry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from snowmelt.definitions import Service
from snowmelt.definitions.rules import check_service
from snowmelt.stores.registry.codec import to_json
from snowmelt.stores.registry.database import Change, Database
from snowmelt.stores.registry.errors import AlreadyExists, InvalidDefinition, NotFound, StillPublished
from snowmelt.stores.registry.tables import attribute_groups, service_groups, services


@dataclass(frozen=True, slots=True)
class StoredService:
    """A service as registered."""

    service: Service
    created_at: datetime
    updated_at: datetime


class Services:
    """Reads and changes services. They have no versions and may change at any time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[StoredService]:
        """Every service, by name."""
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(select(services).order_by("name"))]

    def get(self, name: str) -> StoredService:
        """One service.

        Raises:
            NotFound: there is none of this name.
        """
        with self._database.read() as connection:
            return _get(connection, name)

    def create(self, service: Service) -> StoredService:
        """Register a service.

        Raises:
            AlreadyExists: a service has this name, whatever its definition.
            InvalidDefinition: it breaks rules, or refers to groups that are missing or not published.
        """
        with self._database.write() as change:
            if _find(change.connection, service.name) is not None:
                raise AlreadyExists(
                    f"Service {service.name} exists already. PUT registry/services/{service.name} changes it."
                )
            _check(change.connection, service)
            change.connection.execute(
                insert(services).values(
                    name=service.name,
                    definition=to_json(service),
                    is_published=service.is_published,
                    created_at=change.now,
                    updated_at=change.now,
                )
            )
            _link(change, service)
            return _get(change.connection, service.name)

    def update(self, service: Service) -> StoredService:
        """Change the service of this name.

        Raises:
            NotFound: there is none of this name.
            InvalidDefinition: as for ``create``.
        """
        with self._database.write() as change:
            stored = _get(change.connection, service.name)
            if to_json(service) == to_json(stored.service):
                return stored
            _replace(change, service)
            return _get(change.connection, service.name)

    def delete(self, name: str) -> None:
        """Remove a service.

        Raises:
            NotFound: there is none of this name.
            StillPublished: unpublish it first.
        """
        with self._database.write() as change:
            if _get(change.connection, name).service.is_published:
                raise StillPublished(f"Service {name}")
            change.connection.execute(delete(services).where(services.c.name == name))
            change.mark()


def set_service_published(change: Change, name: str, is_published: bool) -> None:
    """Publish or unpublish a service; nothing happens if it is so already.

    Raises:
        NotFound: there is none of this name.
        InvalidDefinition: it was to be published, but some of its groups are not.
    """
    stored = _get(change.connection, name).service
    if stored.is_published != is_published:
        _replace(change, stored.model_copy(update={"is_published": is_published}))


def services_with_group(connection: Connection, name: str, version: int) -> list[str]:
    """The services that refer to a group version, in words."""
    links = service_groups
    rows = connection.execute(
        select(links.c.service)
        .where(links.c.group_name == name, links.c.group_version == version)
        .distinct()
        .order_by(links.c.service)
    )
    return [f"service {service}" for (service,) in rows]


def _find(connection: Connection, name: str) -> StoredService | None:
    row = connection.execute(select(services).where(services.c.name == name)).one_or_none()
    return None if row is None else _stored(row)


def _get(connection: Connection, name: str) -> StoredService:
    stored = _find(connection, name)
    if stored is None:
        raise NotFound(f"There is no service {name}.")
    return stored


def _stored(row: Row[Any]) -> StoredService:
    return StoredService(Service.model_validate_json(row.definition), row.created_at, row.updated_at)


def _check(connection: Connection, service: Service) -> None:
    groups = attribute_groups
    names = {link.name for link in service.attribute_groups}
    rows = connection.execute(
        select(groups.c.name, groups.c.version, groups.c.is_published).where(groups.c.name.in_(names))
    )
    known = {(name, version): is_published for name, version, is_published in rows}
    if problems := check_service(service, known):
        raise InvalidDefinition(f"Service {service.name}", problems)


def _replace(change: Change, service: Service) -> None:
    _check(change.connection, service)
    change.connection.execute(
        update(services)
        .where(services.c.name == service.name)
        .values(definition=to_json(service), is_published=service.is_published, updated_at=change.now)
    )
    _link(change, service)


def _link(change: Change, service: Service) -> None:
    """Write down which groups the service refers to."""
    change.connection.execute(delete(service_groups).where(service_groups.c.service == service.name))
    change.connection.execute(
        insert(service_groups),
        [
            {
                "service": service.name,
                "position": position,
                "group_name": link.name,
                "group_version": link.version,
            }
            for position, link in enumerate(service.attribute_groups)
        ],
    )
    change.mark()
