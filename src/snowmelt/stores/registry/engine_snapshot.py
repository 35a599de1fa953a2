"""What the engine must know of the registry, as one record of the event log."""

from typing import Any

import msgspec
from sqlalchemy import Connection, select

from snowmelt.stores.registry.codec import is_stream
from snowmelt.stores.registry.tables import attribute_groups, revision


def engine_snapshot(connection: Connection) -> bytes:
    """Every stream group version that has values or gathers them, as JSON.

    ::

        {"revision": 12, "groups": [{"state_id": 3, "published": true, "group": {...}}, ...]}

    Groups that are not ``published`` are frozen: their values are kept. A state id that is no longer
    mentioned is gone, and so are its values. Revisions only grow: of two snapshots the one with the greater
    revision holds. Drafts are left out, as are groups that are not computed from the stream.
    """
    groups = attribute_groups
    number = connection.execute(select(revision.c.value)).scalar_one()
    rows = connection.execute(
        select(groups.c.state_id, groups.c.is_published, groups.c.definition)
        .where(groups.c.published_at.is_not(None))
        .order_by(groups.c.state_id)
    )
    entries: list[dict[str, Any]] = [
        {"state_id": state_id, "published": is_published, "group": msgspec.Raw(definition.encode())}
        for state_id, is_published, definition in rows
        if is_stream(definition)
    ]
    return msgspec.json.encode({"revision": number, "groups": entries})
