"""One event log, decided: which events it keeps, and which of their values under which names."""

from dataclasses import dataclass
from typing import Any

from snowmelt.compute import state
from snowmelt.compute.kept_events import KeptEvents
from snowmelt.compute.plan import Property
from snowmelt.definitions.event_log import (
    EventLog,
    EventLogAtomicProperty,
    EventLogEntityProperty,
    EventLogEvent,
    EventLogProperty,
)
from snowmelt.definitions.property import AtomicProperty, EntityProperty, EventProperty


@dataclass(frozen=True)
class SelectionPlan:
    """Some of the events of a log, and what is kept of them.

    Args:
        number: its place in the definition, from 0.
        event: which events.
        properties: what is kept of each.
        names: what each property is called when the log is read.
    """

    number: int
    event: EventLogEvent
    properties: tuple[Property, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class EventLogPlan:
    """How one event log is kept.

    Args:
        state_id: names its profiles in the store; never used again for another log, or for other events.
        title: for people.
        key: the property whose value names the profile.
        keeps: the only state of a profile.
        selections: in the order of the definition; an event belongs to the first that matches.
        log: the definition.
    """

    state_id: int
    title: str
    key: Property
    keeps: KeptEvents
    selections: tuple[SelectionPlan, ...]
    log: EventLog

    def decode(self, stored: bytes | memoryview) -> list[Any]:
        """A profile that was stored, also by an earlier release.

        Raises:
            ValueError: if the bytes were written by a newer release, or are no profile.
        """
        return state.decode(stored, [self.keeps])


def plan_event_log(log: EventLog, state_id: int = 0) -> EventLogPlan:
    """Decide how an event log is kept.

    Args:
        log: checked by the rules of :mod:`snowmelt.definitions.rules`: its key is the session.
        state_id: names its profiles in the store.
    """
    selections = tuple(
        SelectionPlan(
            number,
            selection.event,
            tuple(_property(kept) for kept in selection.properties),
            tuple(kept.output_key() for kept in selection.properties),
        )
        for number, selection in enumerate(log.events)
    )
    keeps = KeptEvents(log.max_events, log.max_age_seconds * 1000)
    return EventLogPlan(
        state_id, f"event log {log.name}", AtomicProperty(name="domain_sessionid"), keeps, selections, log
    )


def _property(kept: EventLogProperty) -> Property:
    """The same property as attributes have it."""
    if isinstance(kept, EventLogAtomicProperty):
        return AtomicProperty(name=kept.name)
    kind = EntityProperty if isinstance(kept, EventLogEntityProperty) else EventProperty
    return kind.model_validate(kept.model_dump(exclude={"output_name"}))
