"""A disk that takes no change: the registry says so, changes nothing, and goes on once there is room."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from snowmelt.definitions import AttributeGroup
from snowmelt.stores.registry import Registry, UnwritableRegistry


def test_a_full_disk_is_told_and_changes_nothing(registry: Registry, group: Callable[..., AttributeGroup]) -> None:
    engine, room = registry._database._engine, [1]

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: Any) -> None:
        # SQLite answers as on a full disk when a file would grow beyond this; it never cuts off what is there.
        connection.execute(f"PRAGMA max_page_count = {room[0]}")

    engine.dispose()
    registry.groups.create(group("small"))
    revision = registry.revision()
    with pytest.raises(UnwritableRegistry, match=r"nothing was changed\. Repeat the call") as told:
        registry.groups.create(group("large", description="x" * 500_000))
    assert told.value.status == 503
    assert registry.revision() == revision
    room[0] = 2**30
    engine.dispose()
    registry.groups.create(group("large", description="x" * 500_000))
    assert registry.revision() > revision
