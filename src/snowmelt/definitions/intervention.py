"""Interventions: what is pushed to somebody as soon as their attributes call for it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag

from snowmelt.definitions.attribute_group import VersionedLinkAttributeGroup
from snowmelt.definitions.attribute_key import LinkAttributeKey
from snowmelt.definitions.base import Definition, OwnedDefinition, Owner
from snowmelt.definitions.criteria import CriterionValue, refuse_double_equals
from snowmelt.definitions.enums import RuleOperator
from snowmelt.definitions.names import CriterionAttribute, Name, Text, VersionNumber

GROUPINGS = ("all", "any", "none")


class InterventionCriterion(Definition):
    """A comparison of one attribute. The latest published version of the group that has it is meant.

    >>> InterventionCriterion(attribute="shop:cart_value", operator=">", value=100).to_wire()
    {'attribute': 'shop:cart_value', 'operator': '>', 'value': 100}
    """

    attribute: CriterionAttribute = Field(description="`group:attribute`, without a version.")
    operator: Annotated[RuleOperator, BeforeValidator(refuse_double_equals)] = Field(description="How it is compared.")
    value: CriterionValue | None = Field(default=None, description="With what.")


def criteria_tag(value: Any) -> str | None:
    """The shape of a criteria tree that is about to be read; nothing if its members contradict each other."""
    if isinstance(value, Mapping):
        present = [grouping for grouping in GROUPINGS if value.get(grouping) is not None]
        if not present:
            return "criterion" if value.keys() & {"attribute", "operator", "value"} else None
        return present[0] if len(present) == 1 and "attribute" not in value else None
    if isinstance(value, BaseModel):
        present = [grouping for grouping in GROUPINGS if grouping in type(value).model_fields]
        return present[0] if present else "criterion"
    return None


class InterventionCriteriaAll(Definition):
    """Holds when every part does."""

    all: "list[InterventionCriteria]" = Field(description="The parts.")


class InterventionCriteriaAny(Definition):
    """Holds when at least one part does."""

    any: "list[InterventionCriteria]" = Field(description="The parts.")


class InterventionCriteriaNone(Definition):
    """Holds when no part does."""

    none: "list[InterventionCriteria]" = Field(description="The parts.")


InterventionCriteria: TypeAlias = Annotated[
    Annotated[InterventionCriteriaAll, Tag("all")]
    | Annotated[InterventionCriteriaAny, Tag("any")]
    | Annotated[InterventionCriteriaNone, Tag("none")]
    | Annotated[InterventionCriterion, Tag("criterion")],
    Discriminator(
        criteria_tag,
        custom_error_type="criteria_shape",
        custom_error_message="write one criterion (`attribute`, `operator`, `value`), or exactly one of "
        "`all`, `any` and `none` with a list of them",
    ),
]
"""A criterion, or criteria joined by ``all``, ``any`` or ``none``, nested at will."""

CriteriaNode: TypeAlias = (
    InterventionCriteriaAll | InterventionCriteriaAny | InterventionCriteriaNone | InterventionCriterion
)


def children(node: CriteriaNode) -> tuple[str, list[CriteriaNode]]:
    """How a node joins its parts (``""`` for a single criterion), and the parts.

    >>> children(InterventionCriteriaNone(none=[]))
    ('none', [])
    """
    match node:
        case InterventionCriteriaAll():
            return "all", list(node.all)
        case InterventionCriteriaAny():
            return "any", list(node.any)
        case InterventionCriteriaNone():
            return "none", list(node.none)
        case InterventionCriterion():
            return "", []


def criteria_of(node: CriteriaNode) -> Iterator[InterventionCriterion]:
    """Every single criterion of a tree, in reading order."""
    if isinstance(node, InterventionCriterion):
        yield node
    for part in children(node)[1]:
        yield from criteria_of(part)


class BaseIntervention(OwnedDefinition):
    """What every kind of intervention has."""

    name: Name = Field(description="Name of the intervention.")
    version: VersionNumber = Field(default=1, description="Version of the intervention, from 1.")
    description: Text | None = Field(default=None, description="What it is for, for people.")
    owner: Owner = Field(default=None, validate_default=True, description="E-mail address of whoever answers for it.")
    is_published: bool = Field(default=False, description="Whether it is in use.")


class RuleIntervention(BaseIntervention):
    """An intervention that fires when criteria over attributes become true, once for each target.

    >>> rule = RuleIntervention(
    ...     name="free_shipping",
    ...     criteria=InterventionCriterion(attribute="shop:cart_value", operator=">", value=100),
    ...     owner="crm@example.com",
    ... )
    >>> rule.attribute_names()
    ['shop:cart_value']
    """

    criteria: InterventionCriteria = Field(description="When it fires.")
    target_attribute_keys: list[LinkAttributeKey] | None = Field(
        default=None, description="To whom it is sent; the keys of the groups in `criteria` if absent."
    )
    payload_attribute_groups: list[VersionedLinkAttributeGroup] | None = Field(
        default=None, description="Groups whose attributes travel with it."
    )

    def attribute_names(self) -> list[str]:
        """The ``group:attribute`` names in the criteria, each once, in reading order."""
        return list(dict.fromkeys(criterion.attribute for criterion in criteria_of(self.criteria)))


class TargetAttributeKey(Definition):
    """One profile: a key and its value."""

    name: str = Field(description="Name of the attribute key.")
    id: str = Field(description="Value of the attribute key.")


class InterventionInstance(Definition):
    """One firing of an intervention, as subscribers receive it.

    >>> InterventionInstance(name="outage", version=1, attributes={"shop:cart_value": "250.5"}).to_wire()
    {'attributes': {'shop:cart_value': '250.5'}, 'name': 'outage', 'version': 1}
    """

    attributes: dict[str, str] | None = Field(default=None, description="`group:attribute` to its value as text.")
    intervention_id: str | None = Field(default=None, description="UUID of the firing; the server gives it.")
    name: str = Field(description="Name of the intervention.")
    target_attribute_key: TargetAttributeKey | None = Field(default=None, description="To whom it was sent.")
    version: int = Field(description="Version of the intervention.")
