"""What the tools answer, as JSON."""

from typing import Any

from pydantic import BaseModel, Field

from snowmelt.definitions import AgenticContextResponse
from snowmelt.definitions.enums import ContextFormat
from snowmelt.definitions.wire import AttributeGroupPlan


class Answer(BaseModel):
    """What a tool gives."""

    def as_text(self) -> str:
        """The same for models that read text only."""
        return self.model_dump_json()


class ListedAttribute(BaseModel):
    """An attribute that can be read."""

    name: str
    type: str
    description: str | None = None


class GroupName(BaseModel):
    """A version of a group."""

    name: str
    version: int


class ListedGroup(GroupName):
    """A published version of a group."""

    attribute_key: str = Field(description="What its attributes are read by.")
    description: str | None = None
    attributes: list[ListedAttribute]


class ListedService(BaseModel):
    """A published service: groups that are read together."""

    name: str
    description: str | None = None
    attribute_keys: list[str] = Field(description="What its attributes are read by.")
    attribute_groups: list[GroupName]


class Listing(Answer):
    """What can be read."""

    attribute_groups: list[ListedGroup]
    services: list[ListedService]


class ServiceValues(BaseModel):
    """The attributes of a service."""

    name: str
    values: dict[str, Any] = Field(description="By attribute; null where nothing is known.")


class GroupValues(GroupName):
    """The attributes of a group."""

    values: dict[str, Any] = Field(description="By attribute; null where nothing is known.")


class AttributeValues(Answer):
    """Present values of one identifier."""

    attribute_key: str
    identifier: str
    services: list[ServiceValues]
    groups: list[GroupValues]


class ListedContext(BaseModel):
    """A published event log."""

    name: str
    attribute_key: str = Field(description="Whose events it keeps.")
    description: str | None = None


class ContextListing(Answer):
    """The event logs that can be read."""

    agentic_contexts: list[ListedContext]


class ReadContext(Answer):
    """What happened lately in one session, in the format that was asked for."""

    name: str
    identifier: str
    format: ContextFormat
    context: AgenticContextResponse | None = Field(default=None, description="The events as data, oldest first.")
    narrative: str | None = Field(default=None, description="The same as text for a prompt.")

    def as_text(self) -> str:
        """The narrative as it is, data as JSON."""
        return super().as_text() if self.narrative is None else self.narrative


class DraftJudgement(AttributeGroupPlan, Answer):
    """What publishing a definition would do."""

    def as_text(self) -> str:
        """The plan in words, which name every problem."""
        return self.text
