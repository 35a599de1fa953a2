"""Ids under which values are stored: one sequence for all kinds of definitions, no id ever given twice."""

from typing import Literal

from sqlalchemy import delete, insert

from snowmelt.stores.registry.database import Change
from snowmelt.stores.registry.tables import states

StateKind = Literal["attribute_group", "intervention", "event_log", "agentic_decision"]


def new_state(change: Change, kind: StateKind, name: str, version: int) -> int:
    """An id that was never given before, for the values of a definition."""
    row = change.connection.execute(insert(states).values(kind=kind, name=name, version=version, created_at=change.now))
    key = row.inserted_primary_key
    assert key is not None
    return int(key[0])


def drop_state(change: Change, state_id: int) -> None:
    """Give up an id that no definition has any more."""
    change.connection.execute(delete(states).where(states.c.id == state_id))
