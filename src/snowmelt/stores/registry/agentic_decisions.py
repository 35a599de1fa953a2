"""Agentic decisions in the registry: stored and validated; nothing evaluates them yet."""

from typing import Final

import structlog
from sqlalchemy import Connection, select

from snowmelt.definitions import AgenticDecision, AttributeGroup
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules import check_agentic_decision, check_decision_references
from snowmelt.stores.registry.database import Change
from snowmelt.stores.registry.drafts import DraftKind, all_drafted, set_drafted_published
from snowmelt.stores.registry.errors import TooManyPublished
from snowmelt.stores.registry.resolution import group_names, looks_at, published_groups
from snowmelt.stores.registry.tables import agentic_decisions, event_logs

MOST_PUBLISHED: Final = 20

log = structlog.get_logger("snowmelt.registry")


def _check_live(connection: Connection, decision: AgenticDecision) -> list[Problem]:
    others = [live for live in _live(connection) if live.name != decision.name]
    if len(others) >= MOST_PUBLISHED:
        raise TooManyPublished(
            f"{MOST_PUBLISHED} agentic decisions are published, and there cannot be more. Unpublish one first: "
            f"{', '.join(live.name for live in others)}."
        )
    groups = published_groups(connection, group_names(decision.attribute_names()))
    live_logs = set(connection.execute(select(event_logs.c.name).where(event_logs.c.live.is_not(None))).scalars())
    return check_decision_references(decision, groups, live_logs)


def _unused(connection: Connection, decision: AgenticDecision) -> None:
    """Nothing refers to a decision."""


def _continues(new: AgenticDecision, old: AgenticDecision) -> bool:
    """How often a session was looked at counts on, whatever is asked now."""
    return True


AGENTIC_DECISIONS: Final = DraftKind(
    table=agentic_decisions,
    model=AgenticDecision,
    noun="agentic decision",
    collection="registry/agentic_decisions",
    state="agentic_decision",
    check=check_agentic_decision,
    check_live=_check_live,
    check_unused=_unused,
    continues=_continues,
)


def unpublish_decisions_with(change: Change, group: AttributeGroup) -> None:
    """Unpublish what is triggered by a version of a group; to be called while that is published."""
    versions = published_groups(change.connection, [group.name])
    for decision in _live(change.connection):
        if looks_at(group, decision.attribute_names(), versions):
            set_drafted_published(change, AGENTIC_DECISIONS, decision.name, False)
            log.info("unpublished_with_its_group", what=f"Agentic decision {decision.name}", group=group.qualified_name)


def decisions_with_event_log(connection: Connection, name: str) -> list[str]:
    """The live agentic decisions that look at an event log, in words."""
    return [f"agentic decision {decision.name}" for decision in _live(connection) if name in decision.contexts]


def _live(connection: Connection) -> list[AgenticDecision]:
    return [stored.live for stored in all_drafted(connection, AGENTIC_DECISIONS) if stored.live is not None]
