"""Which attributes time alone can make a rule's criteria true by, and when."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.aggregations.counter import Counter
from snowmelt.compute.aggregations.time_since import TimeSinceLast
from snowmelt.compute.plan import AttributePlan
from snowmelt.compute.scopes import Expiring, Period
from snowmelt.definitions.intervention import CriteriaNode, InterventionCriterion, children


class Turning(NamedTuple):
    """An attribute by which criteria may come to hold as time passes.

    Args:
        keeps: its aggregation.
        slot: its place in a profile.
        bounds: the numbers that the criteria compare it with.
    """

    keeps: Aggregation
    slot: int
    bounds: tuple[float, ...]

    def next(self, profile: list[Any] | None, now: int) -> int | None:
        """The earliest instant after ``now`` (ms since the epoch) at which it may turn."""
        kept = None if profile is None else profile[self.slot]
        return None if kept is None else self.keeps.turns(kept, now, self.bounds)


def turning(root: CriteriaNode, attributes: dict[str, AttributePlan]) -> dict[str, Turning]:
    """The attributes of criteria that are worth waiting for, by ``group:attribute``.

    Left out are those that time does not move, and those that it can only move away from what is asked: a number of
    events in a period does not grow by waiting, so ``> 3`` needs no clock, while ``< 3`` does.

    Args:
        root: the criteria.
        attributes: what each name means.
    """
    found: dict[str, Turning] = {}
    for criterion, wanted in _leaves(root, wanted=True):
        attribute = attributes[criterion.attribute]
        if _moves(attribute.keeps) and not _only_away(attribute, criterion, wanted):
            values = criterion.value if isinstance(criterion.value, list) else [criterion.value]
            numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
            known = found.get(criterion.attribute)
            bounds = (*(known.bounds if known else ()), *numbers)
            found[criterion.attribute] = Turning(attribute.keeps, attribute.slot, bounds)
    return found


def _leaves(node: CriteriaNode, wanted: bool) -> Iterator[tuple[InterventionCriterion, bool]]:
    """Each comparison, and whether it is wanted to hold or, inside ``none``, not to."""
    if isinstance(node, InterventionCriterion):
        yield node, wanted
        return
    grouping, parts = children(node)
    for part in parts:
        yield from _leaves(part, wanted != (grouping == "none"))


def _moves(keeps: Aggregation) -> bool:
    return isinstance(keeps, Period | Expiring | TimeSinceLast)


def _only_away(attribute: AttributePlan, criterion: InterventionCriterion, wanted: bool) -> bool:
    """Whether time can only end that a comparison is as it is wanted.

    What is wanted not to hold may always come about: a missing value meets no comparison.
    """
    inner = getattr(attribute.keeps, "inner", attribute.keeps)
    default = attribute.source.default_value
    if not wanted:
        return False
    if isinstance(inner, TimeSinceLast):
        return default is None and criterion.operator in ("<", "<=")
    no_more = default is None or (isinstance(default, int | float) and default <= 0)
    return isinstance(inner, Counter) and no_more and criterion.operator in (">", ">=", "is not null")
