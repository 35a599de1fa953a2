"""Conditions on an event: which of the events at hand an attribute counts."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from snowmelt.definitions.base import Definition
from snowmelt.definitions.enums import EventOperator
from snowmelt.definitions.property import Property

Scalar: TypeAlias = str | int | float | bool


def _of_one_kind(value: Any) -> Any:
    """Say in one sentence what would else be an error for each type that a value could have."""
    if isinstance(value, list):
        fits = all(isinstance(item, str) for item in value) or all(isinstance(item, int | float) for item in value)
    else:
        fits = not isinstance(value, Mapping)
    if not fits:
        raise PydanticCustomError("value_type", "a value is a string, number or boolean, or a list of one of these")
    return value


CriterionValue: TypeAlias = Annotated[
    str | int | float | bool | list[str] | list[int] | list[float] | list[bool], BeforeValidator(_of_one_kind)
]
"""What a criterion compares with: one scalar, or a list of scalars of one kind. JSON types are kept."""


def refuse_double_equals(value: Any) -> Any:
    """Answer the commonest slip with the right word."""
    if value == "==":
        raise PydanticCustomError("literal_error", "`==` is not an operator here: write `=`")
    return value


class Criterion(Definition):
    """A comparison of one property. A property that an event lacks satisfies ``is null`` and nothing else.

    >>> from snowmelt.definitions import AtomicProperty
    >>> Criterion.in_list(AtomicProperty(name="platform"), ["web", "mob"]).operator
    'in'
    """

    property: Property = Field(description="What is compared.")
    operator: Annotated[EventOperator, BeforeValidator(refuse_double_equals)] = Field(description="How.")
    value: CriterionValue | None = Field(default=None, description="With what.")

    @classmethod
    def eq(cls, property: Property, value: Scalar | list[Any]) -> "Criterion":
        """The property equals the value."""
        return cls(property=property, operator="=", value=value)

    @classmethod
    def neq(cls, property: Property, value: Scalar | list[Any]) -> "Criterion":
        """The property is there and differs from the value."""
        return cls(property=property, operator="!=", value=value)

    @classmethod
    def gt(cls, property: Property, value: int | float) -> "Criterion":
        """The property is greater than the value."""
        return cls(property=property, operator=">", value=value)

    @classmethod
    def gte(cls, property: Property, value: int | float) -> "Criterion":
        """The property is the value or greater."""
        return cls(property=property, operator=">=", value=value)

    @classmethod
    def lt(cls, property: Property, value: int | float) -> "Criterion":
        """The property is less than the value."""
        return cls(property=property, operator="<", value=value)

    @classmethod
    def lte(cls, property: Property, value: int | float) -> "Criterion":
        """The property is the value or less."""
        return cls(property=property, operator="<=", value=value)

    @classmethod
    def like(cls, property: Property, value: str) -> "Criterion":
        """The property matches a pattern, in which ``%`` is any run of characters and ``_`` is one."""
        return cls(property=property, operator="like", value=value)

    @classmethod
    def in_list(cls, property: Property, values: list[Any]) -> "Criterion":
        """The property is one of the values."""
        return cls(property=property, operator="in", value=values)

    @classmethod
    def is_null(cls, property: Property) -> "Criterion":
        """The event lacks the property."""
        return cls(property=property, operator="is null")

    @classmethod
    def is_not_null(cls, property: Property) -> "Criterion":
        """The event has the property."""
        return cls(property=property, operator="is not null")


class Criteria(Definition):
    """Criteria joined: every one of ``all`` holds and, if there is an ``any``, at least one of it."""

    all: list[Criterion] | None = Field(default=None, description="Each of these must hold.")
    any: list[Criterion] | None = Field(default=None, description="One of these must hold.")
