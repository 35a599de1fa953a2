"""One published intervention, resolved: what it reads, whose profiles, and to whom it is sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snowmelt.compute import state
from snowmelt.compute.handler import MOMENT
from snowmelt.compute.plan import AttributePlan, GroupPlan, Property
from snowmelt.compute.projection import Path
from snowmelt.compute.properties import paths_of
from snowmelt.compute.reader import Column, column
from snowmelt.definitions.intervention import RuleIntervention
from snowmelt.interventions.criteria import CompiledCriteria, compile_criteria
from snowmelt.interventions.turning import Turning, turning

Read = tuple[int, Column]
"""A group's place in the rule, and one of its columns."""


@dataclass(frozen=True)
class Rule:
    """A rule intervention as the engine runs it.

    Args:
        state_id: names what is remembered of it: for whom it has fired.
        intervention: the definition.
        groups: whose attributes it reads.
        targets: the name of each attribute key that it is sent to, and the property that gives its value.
        criteria: compiled.
        reads: where the value of each of the criteria's attributes comes from.
        payload: the name and the source of every value that is sent along.
        turning: the attributes by which time alone may make it fire, each with its group's place.
        since: when it was published, ms since the epoch: what was waited for before is waited for no more.
    """

    state_id: int
    intervention: RuleIntervention
    groups: tuple[GroupPlan, ...]
    targets: tuple[tuple[str, Property], ...]
    criteria: CompiledCriteria
    reads: tuple[Read, ...]
    payload: tuple[tuple[str, Read], ...]
    turning: tuple[tuple[int, Turning], ...] = ()
    since: int = 0

    ends = False
    """What is remembered of a rule stays: who had its intervention gets it once."""

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.intervention.name}_v{self.intervention.version}"

    @property
    def once(self) -> bool:
        """Whether a target gets it once only; one that asks for ``changed`` fires with every change."""
        return not self.criteria.changed

    @property
    def watched(self) -> frozenset[tuple[int, int]]:
        """The state id and slot of every attribute in the criteria."""
        return frozenset((self.groups[place].state_id, one.slot) for place, one in self.reads)

    def decode(self, stored: bytes | memoryview) -> list[Any]:
        """What is remembered for a target, as it was stored.

        Raises:
            ValueError: if the bytes were written by a newer release.
        """
        return state.decode(stored)

    def is_over(self, stored: bytes | memoryview, now: int) -> bool:
        """Never: see ``ends``."""
        return False

    def paths(self) -> Iterator[Path]:
        """Every path into an event that finding keys and targets may read."""
        yield from MOMENT
        yield ("event_id",)
        for source in (*(group.key for group in self.groups), *(source for _, source in self.targets)):
            yield from paths_of(source)

    def values(self, profiles: Sequence[list[Any] | None], at: int) -> list[Any]:
        """The criteria's values at a moment.

        Args:
            profiles: one for each group, ``None`` where the key value is unknown.
            at: ms since the epoch.
        """
        return [one.read(profiles[place], at) for place, one in self.reads]

    def holds(self, profiles: Sequence[list[Any] | None], at: int) -> bool:
        """Whether the criteria hold at a moment (ms since the epoch)."""
        return self.criteria.holds(self.values(profiles, at))

    def turn(self, profiles: Sequence[list[Any] | None], now: int) -> int | None:
        """The earliest instant after ``now`` (ms since the epoch) at which time may make the criteria hold."""
        found = [turning.next(profiles[place], now) for place, turning in self.turning]
        return min((at for at in found if at is not None), default=None)

    def attributes(self, profiles: Sequence[list[Any] | None], at: int) -> dict[str, Any]:
        """What is sent along, by ``group:attribute``, at a moment."""
        return {name: one.read(profiles[place], at) for name, (place, one) in self.payload}


def plan_rule(
    intervention: RuleIntervention,
    state_id: int,
    plans: Mapping[tuple[str, int], GroupPlan],
    sources: Mapping[str, int],
    targets: Mapping[str, Property],
    since: int = 0,
) -> Rule:
    """Resolve an intervention.

    Args:
        intervention: a published one, checked by the rules of :mod:`snowmelt.definitions.rules`.
        state_id: names what is remembered of it.
        plans: the published groups that are computed, by name and version.
        sources: the version of the group that is meant by each ``group:attribute`` name in the criteria.
        targets: the property of each attribute key that it is sent to.
        since: when it was published, ms since the epoch.

    Raises:
        ValueError: something that it looks at is not computed.
    """
    criteria = compile_criteria(intervention.criteria)
    groups: list[GroupPlan] = []

    def place_of(name: str, version: int | None) -> int:
        plan = None if version is None else plans.get((name, version))
        if plan is None:
            raise ValueError(f"attribute group `{name}` version {version} is not computed")
        if plan not in groups:
            groups.append(plan)
        return groups.index(plan)

    reads: list[Read] = []
    meant: dict[str, AttributePlan] = {}
    places: dict[str, int] = {}
    for name in criteria.attributes:
        group_name, _, attribute_name = name.partition(":")
        place = place_of(group_name, sources.get(name))
        found = [one for one in groups[place].attributes if one.name == attribute_name]
        if not found:
            raise ValueError(f"`{name}` is not computed")
        reads.append((place, column(found[0])))
        meant[name], places[name] = found[0], place
    payload = dict(zip(criteria.attributes, reads, strict=True))
    for link in intervention.payload_attribute_groups or ():
        place = place_of(link.name, link.version)
        for attribute in groups[place].attributes:
            payload.setdefault(f"{link.name}:{attribute.name}", (place, column(attribute)))
    # Time brings about no change: that is for events.
    waited_for = {} if criteria.changed else turning(intervention.criteria, meant)
    return Rule(
        state_id,
        intervention,
        tuple(groups),
        tuple(targets.items()),
        criteria,
        tuple(reads),
        tuple(payload.items()),
        tuple((places[name], one) for name, one in waited_for.items()),
        since,
    )
