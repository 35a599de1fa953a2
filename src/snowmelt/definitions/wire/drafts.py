"""Answers of the registry for definitions that have drafts or versions: the definition, its state, its dates."""

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from snowmelt.definitions.agentic_decision import AgenticDecision, AgenticDecisionResponse
from snowmelt.definitions.event_log import EventLog, EventLogResponse
from snowmelt.definitions.intervention import RuleIntervention
from snowmelt.definitions.names import Instant, Text3800


class RuleInterventionResponse(RuleIntervention):
    """An intervention as the registry answers with it."""

    created_at: Instant | None = Field(default=None, description="When it was registered.")
    updated_at: Instant | None = Field(default=None, description="When it last changed.")

    def to_wire(self) -> dict[str, Any]:
        """All members, absent ones as null; inside of them only what is there."""
        return dict.fromkeys(type(self).model_fields) | super().to_wire()


class EventLogAnswer(EventLogResponse):
    """An event log as the registry answers with it."""

    created_at: Instant = Field(description="When it was registered.")
    updated_at: Instant = Field(description="When it last changed.")


class AgenticDecisionAnswer(AgenticDecisionResponse):
    """An agentic decision as the registry answers with it."""

    created_at: Instant = Field(description="When it was registered.")
    updated_at: Instant = Field(description="When it last changed.")
    evaluation: str = Field(description="That definitions are not evaluated.")


class AgenticAttribute(AgenticDecision):
    """An agentic decision under its other name; the goal may be called `decision_goal` here too."""

    decision_goal: Text3800 = Field(min_length=1, alias="goal", description="The question.")


class AgenticAttributeAnswer(AgenticDecisionAnswer):
    """An agentic decision under its other name, as the registry answers with it."""

    decision_goal: Text3800 = Field(min_length=1, alias="goal", description="The question.")


def intervention_response(
    intervention: RuleIntervention, *, created_at: datetime | None = None, updated_at: datetime | None = None
) -> RuleInterventionResponse:
    """What the registry answers for an intervention.

    Args:
        intervention: as registered.
        created_at: when it was registered.
        updated_at: when it last changed.
    """
    members: dict[str, Any] = {name: getattr(intervention, name) for name in RuleIntervention.model_fields}
    members |= {"created_at": created_at, "updated_at": updated_at}
    return RuleInterventionResponse.model_construct(_fields_set=set(members), **members)


def drafted_members(
    definition: EventLog | AgenticDecision,
    *,
    is_published: bool,
    has_published_version: bool,
    created_at: datetime,
    updated_at: datetime,
) -> dict[str, Any]:
    """What the registry answers for a definition that has drafts: all members, absent ones as null.

    Args:
        definition: the newest.
        is_published: whether this very definition is live.
        has_published_version: whether this or an older one is.
        created_at: when it was registered.
        updated_at: when it last changed.
    """
    members: dict[str, Any] = dict.fromkeys(type(definition).model_fields)
    return members | {
        **definition.to_wire(),
        "is_published": is_published,
        "has_published_version": has_published_version,
        "created_at": _text(created_at),
        "updated_at": _text(updated_at),
    }


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
