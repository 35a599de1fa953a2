"""What the tools answer, as JSON."""

from typing import Any

from pydantic import BaseModel, Field


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


class Listing(BaseModel):
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


class AttributeValues(BaseModel):
    """Present values of one identifier."""

    attribute_key: str
    identifier: str
    services: list[ServiceValues]
    groups: list[GroupValues]
