"""What can be read, as the registry has it."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from snowmelt.definitions import AttributeGroup, EventLog
from snowmelt.stores.registry.codec import group_from_json, is_public
from snowmelt.stores.registry.tables import (
    attribute_groups,
    attribute_keys,
    event_logs,
    revision,
    service_groups,
    services,
)


@dataclass(frozen=True, slots=True)
class ReadGroup:
    """A group version that can be read.

    Args:
        state_id: where its values are stored.
        key: name of its attribute key.
        definition: its JSON; parsed by ``group()`` when needed.
    """

    state_id: int
    key: str
    definition: str

    def group(self) -> AttributeGroup:
        """The definition."""
        return group_from_json(self.definition)


@dataclass(frozen=True, slots=True)
class ReadEventLog:
    """A published event log.

    Args:
        state_id: where its events are stored.
        definition: its JSON; parsed by ``event_log()`` when needed.
    """

    state_id: int
    definition: str

    def event_log(self) -> EventLog:
        """The definition."""
        return EventLog.model_validate_json(self.definition)


@dataclass(frozen=True, slots=True)
class ReadModel:
    """Everything that reads depend on, as of one revision.

    Args:
        revision: of the registry.
        services: the group versions of each published service, in its order.
        public: the published services that are read without a token.
        groups: every group version, published or not: values outlive publication.
        keys: names of the attribute keys, registered or described by a draft.
        event_logs: the published event logs, by name.
    """

    revision: int
    services: dict[str, tuple[tuple[str, int], ...]]
    public: frozenset[str]
    groups: dict[tuple[str, int], ReadGroup]
    keys: frozenset[str]
    event_logs: dict[str, ReadEventLog]


def load_read_model(connection: Connection) -> ReadModel:
    """The read model; cheap, since definitions are not parsed."""
    number = connection.execute(select(revision.c.value)).scalar_one()
    links: dict[str, list[tuple[str, int]]] = {}
    for service, name, version in connection.execute(
        select(service_groups.c.service, service_groups.c.group_name, service_groups.c.group_version)
        .join(services, services.c.name == service_groups.c.service)
        .where(services.c.is_published.is_(True))
        .order_by(service_groups.c.service, service_groups.c.position)
    ):
        links.setdefault(service, []).append((name, version))
    published = connection.execute(
        select(services.c.name, services.c.definition).where(services.c.is_published.is_(True))
    )
    public = frozenset(name for name, definition in published if is_public(definition))
    c = attribute_groups.c
    groups = {
        (name, version): ReadGroup(state_id, key, definition)
        for name, version, state_id, key, definition in connection.execute(
            select(c.name, c.version, c.state_id, c.attribute_key, c.definition)
        )
    }
    logs = event_logs.c
    live = connection.execute(
        select(logs.name, logs.state_id, logs.live).where(logs.live.is_not(None)).order_by(logs.name)
    )
    registered = connection.execute(select(attribute_keys.c.name)).scalars()
    return ReadModel(
        revision=number,
        services={service: tuple(pairs) for service, pairs in links.items()},
        public=public,
        groups=groups,
        keys=frozenset(registered) | {group.key for group in groups.values()},
        event_logs={name: ReadEventLog(state_id, definition) for name, state_id, definition in live},
    )
