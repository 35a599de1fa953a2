"""What agents may ask the tools, within limits."""

import json
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from snowmelt.definitions.enums import ContextFormat
from snowmelt.definitions.names import Name

MAX_GROUPS: Final = 25
"""Groups and services in one call."""
MAX_ATTRIBUTES: Final = 100
"""Attributes that one call may name."""


def _unwrapped(value: Any) -> Any:
    """Some agents write lists and objects as JSON inside of a text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


class Arguments(BaseModel):
    """What a tool is called with."""

    model_config = ConfigDict(extra="forbid")


class GroupChoice(Arguments):
    """A group to read, or a part of it."""

    name: Name = Field(description="The group.")
    version: int | None = Field(
        default=None, ge=1, lt=2**63, description="Its version; the highest published one if left out."
    )
    attributes: list[Name] = Field(
        default_factory=list, max_length=MAX_ATTRIBUTES, description="Which attributes; all if left out."
    )


Names = Annotated[list[Name], Field(max_length=MAX_GROUPS), BeforeValidator(_unwrapped)]
GroupChoices = Annotated[list[GroupChoice], Field(max_length=MAX_GROUPS), BeforeValidator(_unwrapped)]


class ListAttributeGroups(Arguments):
    """Which definitions to list."""

    names: Names = Field(default_factory=list, description="Only groups and services of these names; all if left out.")


class GetAttributes(Arguments):
    """What to read, and of whom."""

    attribute_key: Name = Field(description="The attribute key, such as domain_userid.")
    identifier: str = Field(description="Whose attributes: the key's value.")
    services: Names = Field(default_factory=list, description="Services to read.")
    groups: GroupChoices = Field(default_factory=list, description="Groups to read.")

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        asked = len(self.services) + len(self.groups)
        named = sum(len(group.attributes) for group in self.groups)
        if not asked:
            raise PydanticCustomError("nothing_asked", "Name services or groups to read.")
        if asked > MAX_GROUPS:
            raise PydanticCustomError(
                "too_many_groups",
                "{asked} groups and services are asked for; a call takes {most} at most. Split the call.",
                {"asked": asked, "most": MAX_GROUPS},
            )
        if named > MAX_ATTRIBUTES:
            raise PydanticCustomError(
                "too_many_attributes",
                "{named} attributes are named; a call takes {most} at most. Split the call.",
                {"named": named, "most": MAX_ATTRIBUTES},
            )
        return self


class ListAgenticContexts(Arguments):
    """Nothing: all are listed."""


class GetAgenticContext(Arguments):
    """Which log to read, and of whom."""

    name: Name = Field(description="The agentic context.")
    identifier: str = Field(min_length=1, description="Whose latest events: the attribute key's value, a session id.")
    format: ContextFormat = Field(default="json", description="`json` for data, `narrative` for text to reason over.")


class DraftAttributeGroup(Arguments):
    """A definition to judge."""

    definition: Annotated[dict[str, Any], BeforeValidator(_unwrapped)] = Field(
        description="The attribute group as JSON, as the API takes it: name, version, owner, attribute_key, attributes."
    )
