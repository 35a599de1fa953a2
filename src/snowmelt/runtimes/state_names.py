"""What people call the state ids that the engine counts by."""

from typing import NamedTuple

import msgspec


class StateName(NamedTuple):
    """What a state id stands for.

    Args:
        name: of the group or event log.
        version: of the group; empty for an event log.
        attributes: of the group, by slot, from 1.
    """

    name: str
    version: str = ""
    attributes: tuple[str, ...] = ()

    def attribute(self, slot: int) -> str:
        """The name of the attribute at a slot; its number if there is none."""
        return self.attributes[slot - 1] if 0 < slot <= len(self.attributes) else str(slot)


class _Named(msgspec.Struct):
    name: str
    version: int | None = None
    attributes: list["_Named"] | None = None


class _Entry(msgspec.Struct):
    state_id: int
    published: bool = True
    group: _Named | None = None
    event_log: _Named | None = None


class _Snapshot(msgspec.Struct):
    groups: list[_Entry] = []
    event_logs: list[_Entry] = []


_read = msgspec.json.Decoder(_Snapshot).decode


def state_names(definitions: bytes | None) -> dict[int, StateName]:
    """The published groups and event logs of the engine's definitions, by state id.

    >>> state_names(b'{"groups": [{"state_id": 3, "group": {"name": "g", "version": 1}}]}')
    {3: StateName(name='g', version='1', attributes=())}
    """
    snapshot = _read(definitions) if definitions else _Snapshot()
    return {
        entry.state_id: _named(named)
        for entry in (*snapshot.groups, *snapshot.event_logs)
        if entry.published and (named := entry.group or entry.event_log)
    }


def _named(one: _Named) -> StateName:
    version = "" if one.version is None else str(one.version)
    return StateName(one.name, version, tuple(attribute.name for attribute in one.attributes or ()))
