"""One attribute, decided: what it keeps, for how long, of which value, and when it is updated."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from snowmelt.compute import state
from snowmelt.compute.aggregations.approx_count_distinct import ApproxCountDistinct, CountDistinct
from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.aggregations.counter import Counter
from snowmelt.compute.aggregations.extreme import Max, Min
from snowmelt.compute.aggregations.first_last import First, Last
from snowmelt.compute.aggregations.frequency import CategoryCount, LeastFrequent, MostFrequent
from snowmelt.compute.aggregations.mean import Mean
from snowmelt.compute.aggregations.percentile import Percentile
from snowmelt.compute.aggregations.stddev import Stddev
from snowmelt.compute.aggregations.sum import Sum
from snowmelt.compute.aggregations.time_since import TimeSinceFirst, TimeSinceLast
from snowmelt.compute.aggregations.unique_list import UniqueList
from snowmelt.compute.scopes import Expiring, Recent, Rolling
from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.criteria import Criterion
from snowmelt.definitions.problems import DefinitionError, Problem
from snowmelt.definitions.property import AtomicProperty, CalculatedProperty, EntityProperty, EventProperty

Property: TypeAlias = AtomicProperty | EventProperty | EntityProperty | CalculatedProperty

AGGREGATIONS: dict[str, type[Aggregation]] = {
    "counter": Counter,
    "sum": Sum,
    "min": Min,
    "max": Max,
    "mean": Mean,
    "first": First,
    "last": Last,
    "unique_list": UniqueList,
    "most_frequent": MostFrequent,
    "least_frequent": LeastFrequent,
    "category_count": CategoryCount,
    "approx_count_distinct": ApproxCountDistinct,
    "time_since_last": TimeSinceLast,
    "time_since_first": TimeSinceFirst,
    "stddev": Stddev,
    "percentile": Percentile,
    "count_distinct": CountDistinct,
}
"""Aggregations by their public name. A new one is a class and a row here."""

INSTANT_TYPES = ("timestamp", "unix_timestamp")


@dataclass(frozen=True)
class AttributePlan:
    """How one attribute is computed.

    Args:
        slot: its place in the stored profile.
        name: the attribute's name.
        keeps: the aggregation inside its scope.
        takes: what the generated code must hand over: ``event``, ``number``, ``instant`` or ``scalar``.
        source: the definition.
    """

    slot: int
    name: str
    keeps: Aggregation
    takes: str
    source: Attribute

    @property
    def conditions(self) -> list[Criterion]:
        """The criteria that must all hold."""
        return (self.source.criteria and self.source.criteria.all) or []

    @property
    def alternatives(self) -> list[Criterion]:
        """The criteria of which one must hold, if there are any."""
        return (self.source.criteria and self.source.criteria.any) or []


@dataclass(frozen=True)
class GroupPlan:
    """How one version of an attribute group is computed.

    Args:
        state_id: names its profiles in the store; never used again for another group or definition.
        title: ``name_vN``, for people.
        key: the property whose value names the profile.
        attributes: in the order of the definition.
        group: the definition.
    """

    state_id: int
    title: str
    key: Property
    attributes: tuple[AttributePlan, ...]
    group: AttributeGroup

    def decode(self, stored: bytes | memoryview) -> list[Any]:
        """A profile that was stored, also by an earlier release.

        Raises:
            ValueError: if the bytes were written by a newer release, or are no profile.
        """
        return state.decode(stored, [attribute.keeps for attribute in self.attributes])

    @property
    def ends(self) -> bool:
        """Whether time alone may end all that a profile says."""
        return all(attribute.keeps.ends for attribute in self.attributes)

    def is_over(self, stored: bytes | memoryview, now: int) -> bool:
        """Whether a stored profile reads from ``now`` on (ms since the epoch) as one that was never there."""
        return state.is_over(stored, [attribute.keeps for attribute in self.attributes], now)


def plan_group(group: AttributeGroup, state_id: int = 0) -> GroupPlan:
    """Decide how a group is computed.

    Args:
        group: a stream group, checked by the rules of :mod:`snowmelt.definitions.rules`.
        state_id: names its profiles in the store.

    Raises:
        DefinitionError: with every attribute that lacks a property, and a key that names nothing in an event.
    """
    problems: list[Problem] = []
    plans: list[AttributePlan] = []
    for index, attribute in enumerate(group.attributes or []):
        aggregation = _aggregation(attribute)
        takes: str = aggregation.takes
        if takes != "event" and attribute.property is None:
            msg = f"`{attribute.aggregation}` of attribute `{attribute.name}` needs a property"
            problems.append(Problem(("attributes", index, "property"), msg, "property_needed"))
        if takes == "number" and attribute.type in INSTANT_TYPES:
            takes = "instant"
        plans.append(AttributePlan(index + 1, attribute.name, _scope(aggregation, attribute, group), takes, attribute))
    key = group.attribute_key.key_property()
    if key is None:
        problem = Problem(
            loc=("attribute_key",),
            msg=f"attribute key `{group.attribute_key.name}` names nothing in an event: give it a `property`, or "
            "a `key` or name that is an atomic field",
            type="unresolved_key",
        )
        problems.append(problem)
    if problems or key is None:
        raise DefinitionError(problems)
    return GroupPlan(state_id, f"{group.name}_v{group.version}", key, tuple(plans), group)


def _aggregation(attribute: Attribute) -> Aggregation:
    return AGGREGATIONS[attribute.aggregation].of(attribute)


def _scope(aggregation: Aggregation, attribute: Attribute, group: AttributeGroup) -> Aggregation:
    if attribute.period is not None:
        return (Recent if aggregation.outlasts else Rolling)(aggregation, _ms(attribute.period))
    ttl = attribute.ttl or group.ttl or group.attribute_key.ttl
    return aggregation if ttl is None else Expiring(aggregation, _ms(ttl))


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
