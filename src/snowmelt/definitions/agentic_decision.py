"""Agentic decisions: a question about a session that a language model answers from its event logs."""

from typing import Any, Literal

from pydantic import Field

from snowmelt.definitions.attribute_key import LinkAttributeKey
from snowmelt.definitions.base import Definition
from snowmelt.definitions.enums import AgenticOutputType, ModelTier
from snowmelt.definitions.intervention import InterventionCriteria, criteria_of
from snowmelt.definitions.names import Instant, Name, Text255, Text1024, Text3800, VersionNumber


class AgenticDecisionValue(Definition):
    """One of the possible answers."""

    name: Name = Field(description="The answer.")
    description: Text1024 = Field(description="When it is the right one.")


class CriteriaTrigger(Definition):
    """Asks the question whenever criteria over attributes hold."""

    type: Literal["criteria"] = "criteria"
    criteria: InterventionCriteria = Field(description="When it is asked.")


class AgenticDecisionEvaluationPolicy(Definition):
    """How often the question may be asked."""

    cooldown_seconds: int = Field(default=600, ge=10, le=86400, description="Least time between two answers.")
    max_per_session: int = Field(default=3, ge=1, le=100, description="Most answers in a session.")


class AgenticDecisionAgentConfig(Definition):
    """Who answers."""

    model_tier: ModelTier = Field(default="fast", description="Class of the language model.")


class AgenticDecision(Definition):
    """A question about a session, when it is asked and which answers it has."""

    name: Name = Field(description="Name of the decision.")
    version: VersionNumber = Field(default=1, description="Version of the definition.")
    description: Text1024 | None = Field(default=None, description="What it is for, for people.")
    owner: Text255 | None = Field(default=None, description="Who answers for it.")
    attribute_key: LinkAttributeKey = Field(description="Whose events are looked at; a session.")
    output_type: AgenticOutputType = Field(description="What the answer is.")
    values: list[AgenticDecisionValue] | None = Field(default=None, max_length=20, description="For `enum` only.")
    decision_goal: Text3800 = Field(min_length=1, description="The question.")
    contexts: list[str] = Field(min_length=1, max_length=5, description="Names of the event logs to look at.")
    triggers: list[CriteriaTrigger] = Field(min_length=1, max_length=5, description="When it is asked.")
    evaluation_policy: AgenticDecisionEvaluationPolicy | None = Field(default=None, description="How often.")
    agent_config: AgenticDecisionAgentConfig | None = Field(default=None, description="By whom.")
    is_published: bool = Field(default=False, description="Whether it is in use.")

    def to_wire(self) -> dict[str, Any]:
        """The definition as JSON-ready members; its state travels in calls of its own."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True, exclude={"is_published"})

    def attribute_names(self) -> list[str]:
        """The ``group:attribute`` names in the triggers, each once, in reading order."""
        criteria = (criterion for trigger in self.triggers for criterion in criteria_of(trigger.criteria))
        return list(dict.fromkeys(criterion.attribute for criterion in criteria))


class AgenticDecisionResponse(AgenticDecision):
    """An agentic decision as the registry holds it: the newest row, and whether it or an older one is in use."""

    has_published_version: bool = Field(default=False, description="Whether some row is in use.")


class AgenticAttributeResult(Definition):
    """The newest answer."""

    value: Any = Field(default=None, description="The answer.")
    version: int = Field(description="Version of the decision.")
    justification: str | None = Field(default=None, description="Why, in words.")
    available_options: list[Any] = Field(description="What it could have been.")
    decided_at: Instant = Field(description="When.")
