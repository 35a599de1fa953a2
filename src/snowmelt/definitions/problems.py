"""What is wrong with a definition: each problem with its place, all of them at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from pydantic import ValidationError

from snowmelt.errors import SnowmeltError

Loc: TypeAlias = tuple[str | int, ...]
"""The place of a problem: member names and list positions, counted from the definition itself."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        loc: where, counted from the definition, e.g. ``("attributes", 0, "type")``.
        msg: what is wrong and what to do about it.
        type: a stable word for programs, e.g. ``"property_needed"``.
    """

    loc: Loc
    msg: str
    type: str

    def under(self, *prefix: str | int) -> "Problem":
        """The same problem, seen from a definition that holds this one at ``prefix``.

        >>> Problem(("type",), "not numeric", "type").under("attributes", 0).loc
        ('attributes', 0, 'type')
        """
        return Problem((*prefix, *self.loc), self.msg, self.type)

    def as_json(self, *prefix: str | int) -> dict[str, Any]:
        """The wire form of an item of a 422 answer, usually with ``prefix`` ``"body"``."""
        return {"loc": [*prefix, *self.loc], "msg": self.msg, "type": self.type}

    def __str__(self) -> str:
        place = ".".join(str(part) for part in self.loc)
        return f"{place}: {self.msg}" if place else self.msg


class DefinitionError(SnowmeltError):
    """A definition is wrong; ``problems`` lists every problem, the message shows them one a line.

    Args:
        problems: at least one problem.
        what: names the definition in the message, e.g. ``"attribute group `shop` version 2"``.
    """

    code: ClassVar[str] = "definition"

    def __init__(self, problems: Iterable[Problem], what: str = "the definition") -> None:
        self.problems = list(problems)
        count = len(self.problems)
        lines = [f"  {problem}" for problem in self.problems]
        super().__init__("\n".join([f"{what} has {count} problem{'s' * (count != 1)}:", *lines]))


def problems_of(error: ValidationError, *prefix: str | int) -> list[Problem]:
    """The problems that reading a definition found, in the form of this module.

    Args:
        error: what pydantic raised.
        prefix: put before each place.
    """
    return [
        Problem((*prefix, *_members(item["loc"])), item["msg"], item["type"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]


_PROPERTY_TYPES = ("atomic", "event", "entity", "calculated")
_GROUPINGS = ("all", "any", "none")


def _members(loc: Loc) -> Loc:
    """A place without the variants of unions that pydantic puts between the members.

    >>> _members(("criteria", "all", "all", 0, "criterion", "attribute"))
    ('criteria', 'all', 0, 'attribute')
    >>> _members(("attributes", 0, "property", "calculated", "properties", 1, "event", "path"))
    ('attributes', 0, 'property', 'properties', 1, 'path')
    """
    kept: list[str | int] = []
    for position, part in enumerate(loc):
        owner = next((name for name in reversed(kept) if isinstance(name, str)), None)
        following = loc[position + 1] if position + 1 < len(loc) else None
        is_variant = (
            (owner in ("property", "properties") and part in _PROPERTY_TYPES)
            or part == "criterion"
            or (part in _GROUPINGS and part == following)
            or (owner == "index" and part in ("position", "every"))
        )
        if not is_variant:
            kept.append(part)
    return tuple(kept)
