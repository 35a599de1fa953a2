"""Event logs in the registry."""

from typing import Final

from sqlalchemy import Connection

from snowmelt.definitions import EventLog
from snowmelt.definitions.identity import differing_members
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules import check_event_log
from snowmelt.stores.registry.agentic_decisions import decisions_with_event_log
from snowmelt.stores.registry.drafts import DraftKind
from snowmelt.stores.registry.errors import InUse
from snowmelt.stores.registry.tables import event_logs


def _nothing_else(connection: Connection, event_log: EventLog) -> list[Problem]:
    """A log refers to nothing but a built-in key."""
    return []


def _check_unused(connection: Connection, event_log: EventLog) -> None:
    if users := decisions_with_event_log(connection, event_log.name):
        raise InUse(f"Event log {event_log.name}", "unpublished", users)


def _continues(new: EventLog, old: EventLog) -> bool:
    """Whether what was kept so far is what is kept from now on, apart from how much of it."""
    return not {"attribute_key", "events"} & set(differing_members(new, old))


EVENT_LOGS: Final = DraftKind(
    table=event_logs,
    model=EventLog,
    noun="event log",
    collection="registry/event_logs",
    state="event_log",
    check=check_event_log,
    check_live=_nothing_else,
    check_unused=_check_unused,
    continues=_continues,
    freezes=True,
)
