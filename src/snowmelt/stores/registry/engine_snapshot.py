"""What the engine must know of the registry, as one record of the event log."""

from typing import Any

import msgspec
from sqlalchemy import Connection, select

from snowmelt.stores.registry.codec import is_stream
from snowmelt.stores.registry.interventions import published_interventions, resting_states
from snowmelt.stores.registry.tables import attribute_groups, attribute_keys, event_logs, revision


def engine_snapshot(connection: Connection) -> bytes:
    """Every stream group version that has values or gathers them, and what else is published, as JSON.

    ::

        {"revision": 12,
         "groups": [{"state_id": 3, "published": true, "group": {...}}, ...],
         "resting": [9, ...],
         "interventions": [{"state_id": 5, "since": 1767225600000, "targets": ["domain_userid"],
                            "sources": {"shop:views": 2},
                            "intervention": {...}, "keys": {"domain_userid": {...}}}, ...],
         "event_logs": [{"state_id": 7, "published": true, "event_log": {...}}, ...]}

    Groups and event logs that are not ``published`` are frozen: their values are kept. A state id that is no longer
    mentioned is gone, and so are its values. Revisions only grow: of two snapshots the one with the greater
    revision holds. Drafts are left out, as are groups that are not computed from the stream.

    Of interventions only the published are there, of event logs the live definitions and those that would go on with
    what was kept when they were. ``targets`` are the
    attribute keys that an intervention is sent to, ``sources`` the group version that each attribute in its
    criteria means at this revision, ``since`` says when it was published (ms since the epoch), ``keys`` are the
    definitions of the targets. ``resting`` are the state ids of those that are not published now and of which it is
    still known for whom they have fired. Snapshots of older releases lack some of this.
    """
    number = connection.execute(select(revision.c.value)).scalar_one()
    return msgspec.json.encode(
        {
            "revision": number,
            "groups": _groups(connection),
            "interventions": _interventions(connection),
            "resting": resting_states(connection),
            "event_logs": _event_logs(connection),
        }
    )


def _groups(connection: Connection) -> list[dict[str, Any]]:
    groups = attribute_groups
    rows = connection.execute(
        select(groups.c.state_id, groups.c.is_published, groups.c.definition)
        .where(groups.c.published_at.is_not(None))
        .order_by(groups.c.state_id)
    )
    return [
        {"state_id": state_id, "published": is_published, "group": msgspec.Raw(definition.encode())}
        for state_id, is_published, definition in rows
        if is_stream(definition)
    ]


def _interventions(connection: Connection) -> list[dict[str, Any]]:
    keys = attribute_keys
    rows = connection.execute(select(keys.c.name, keys.c.definition))
    definitions = {name: msgspec.Raw(definition.encode()) for name, definition in rows}
    return [
        {
            "state_id": published.stored.state_id,
            "since": int(published.stored.updated_at.timestamp() * 1000),
            "targets": published.targets,
            "sources": published.sources,
            "intervention": published.stored.intervention.to_wire(),
            "keys": {name: definitions[name] for name in published.targets if name in definitions},
        }
        for published in published_interventions(connection)
    ]


def _event_logs(connection: Connection) -> list[dict[str, Any]]:
    logs = event_logs
    rows = connection.execute(
        select(logs.c.state_id, logs.c.live, logs.c.draft).where(logs.c.state_id.is_not(None)).order_by(logs.c.state_id)
    )
    return [
        {
            "state_id": state_id,
            "published": live is not None,
            "event_log": msgspec.Raw((live or draft).encode()),
        }
        for state_id, live, draft in rows
    ]
