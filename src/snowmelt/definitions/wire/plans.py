"""What publishing a definition would do, told without doing it."""

from typing import Literal, TypeAlias

from pydantic import Field

from snowmelt.definitions.base import Definition
from snowmelt.definitions.wire.reading import ValidationProblem

PlannedChange: TypeAlias = Literal[
    "new_group", "new_version", "publish", "replace_draft", "unchanged", "refused", "invalid"
]
"""New to the registry in one of two ways, a draft put to use as it is or with this definition, nothing at all, or
not possible: because of what is registered, or because of the definition itself."""


class AttributeGroupPlan(Definition):
    """What publishing a definition of an attribute group would do."""

    change: PlannedChange = Field(description="What would come of it.")
    text: str = Field(description="The same in words; of a refusal, why and what to do.")
    name: str | None = Field(default=None, description="The group; null if the definition is not valid.")
    version: int | None = Field(default=None, description="The version that would be published.")
    next_free_version: int | None = Field(default=None, description="A version to take instead of a published one.")
    problems: list[ValidationProblem] = Field(
        default_factory=list, description="All that is wrong, located in the definition."
    )
