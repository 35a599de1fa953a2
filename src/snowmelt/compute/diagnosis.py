"""Why one event updates an attribute, or does not.

Nothing is judged here a second time. Whether an attribute is updated is what the engine's own program does to a
fresh profile. The reasons are asked of the engine too: each condition becomes a counter that has it alone, which
counts the event or does not.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

from snowmelt.compute.aggregations.counter import Counter
from snowmelt.compute.handler import MOMENT, SPECIFICATION, moment, paths_needed
from snowmelt.compute.plan import AttributePlan, GroupPlan, Property
from snowmelt.compute.program import Program
from snowmelt.compute.projection import Path, Projection
from snowmelt.compute.properties import NAMES, path_of, property_source
from snowmelt.compute.scopes import Period
from snowmelt.compute.verdict import (
    CriteriaFailed,
    Diagnosis,
    EngineError,
    KeyFault,
    NotAsked,
    NoValue,
    Reading,
    Reason,
    TooOld,
    UnfitValue,
    Unmet,
    UnusableKey,
    Verdict,
)
from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.criteria import Criteria, Criterion
from snowmelt.definitions.event import Event
from snowmelt.definitions.property import AtomicProperty, CalculatedProperty

_IDENTITY: tuple[Path, ...] = (("event_name",), ("event_vendor",), ("event_version",))


class Examiner:
    """Examines events for one group.

    Args:
        plan: the group.

    Cost: about 1 ms for each condition, once; then about 0.1 ms for each attribute that an event does not update.

    >>> from snowmelt.compute.plan import plan_group
    >>> from snowmelt.definitions import PageView, StreamAttributeGroup, user_id
    >>> views = Attribute(name="views", type="int32", aggregation="counter", events=[PageView()])
    >>> group = StreamAttributeGroup(name="g", attribute_key=user_id, owner="a@example.com", attributes=[views])
    >>> [verdict] = Examiner(plan_group(group)).examine(b'{"user_id": "u", "event_name": "click"}', now=0).verdicts
    >>> verdict.updated, type(verdict.reason).__name__
    (False, 'NotAsked')
    """

    def __init__(self, plan: GroupPlan) -> None:
        self._plan = plan
        self._program = Program([plan])
        self._key = _Question.of(plan)
        self._attributes = [_Conditions(plan, attribute) for attribute in plan.attributes]
        self._projection = Projection({*paths_needed(plan), *MOMENT, *_IDENTITY, SPECIFICATION})
        self._readers: dict[str, Callable[[Any], Any]] = {}

    def examine(self, line: bytes, now: int) -> Diagnosis:
        """What an event does to each attribute of a profile in which nothing has happened yet.

        Args:
            line: the event's JSON form, one line.
            now: when the engine meets it, in ms since the epoch; decides what is too old for a period.

        Raises:
            ValueError: the line is not one JSON object.
        """
        event = self._projection.decode(line)
        if event is None or b"\n" in line:
            raise ValueError("the line is not one JSON object")
        name, vendor, version, specification = (self._value(event, path) for path in (*_IDENTITY, SPECIFICATION))
        profiles = self._program.fresh_profiles()[self._plan.state_id]
        tally = self._program.apply([line], {self._plan.state_id: profiles}, now)
        slots = next(iter(profiles.values()), None)
        key = self._reading(event, self._plan.key)
        identifier, fault = self._key.identifier(line, key.value)
        verdicts = []
        for attribute, conditions in zip(self._plan.attributes, self._attributes, strict=True):
            source = attribute.source.property if attribute.takes != "event" else None
            value = None if source is None else self._reading(event, source)
            reason: Reason | None = None
            if slots is None or slots[attribute.slot] is None:
                rejected = bool(tally.rejected[self._plan.state_id, attribute.slot])
                reason = (
                    conditions.not_asked((name, vendor, version))
                    or (UnusableKey(key, fault) if fault else None)
                    or conditions.not_made_for(line)
                    or conditions.criteria_failed(line, lambda source: self._reading(event, source))
                    or conditions.unserved(line, value, rejected, tally.errors)
                )
            verdicts.append(Verdict(attribute, value, reason))
        derived, collector, event_id = (self._value(event, path) for path in MOMENT)
        time, *_ = moment(derived, collector, event_id, now)
        return Diagnosis(event_id, name, vendor, version, specification, key, identifier, time, tuple(verdicts))

    def _reading(self, event: Any, source: Property) -> Reading:
        value = self._evaluated(event, property_source(source, self._projection, "event"))
        if isinstance(source, CalculatedProperty):
            return Reading(source, value, parts=tuple(self._reading(event, part) for part in source.properties))
        there = isinstance(source, AtomicProperty) or self._value(event, path_of(source)[:1]) is not None
        return Reading(source, value, there)

    def _value(self, event: Any, path: Path) -> Any:
        return self._evaluated(event, self._projection.access(path, "event"))

    def _evaluated(self, event: Any, source: str) -> Any:
        if source not in self._readers:
            self._readers[source] = eval(f"lambda event: {source}", dict(NAMES))
        return self._readers[source](event)


class _Question:
    """A group with one attribute only, which answers by counting an event or not."""

    def __init__(self, plan: GroupPlan, attribute: AttributePlan) -> None:
        self._program = Program([replace(plan, attributes=(replace(attribute, slot=1),))])
        self._state_id = plan.state_id

    @classmethod
    def of(cls, plan: GroupPlan, events: list[Event] | None = None, criterion: Criterion | None = None) -> "_Question":
        """A counter that has these conditions alone, and the group's key."""
        criteria = None if criterion is None else Criteria(all=[criterion])
        counter = Attribute(name="counts", type="int32", aggregation="counter", events=events or [], criteria=criteria)
        return cls(plan, AttributePlan(1, counter.name, Counter(), Counter.takes, counter))

    def looks_at(self, identity: tuple[Any, Any, Any]) -> bool:
        """Whether an event of this name, vendor and version may be counted at all."""
        return bool(self._program.source(*identity))

    def counts(self, line: bytes) -> bool:
        """Whether an event with a usable key is counted; an error is not the conditions' saying no."""
        profiles = self._program.fresh_profiles()
        tally = self._program.apply([line], profiles, now=0)
        return bool(tally.errors) or any(profile[1] is not None for profile in profiles[self._state_id].values())

    def identifier(self, line: bytes, found: Any) -> tuple[str | None, KeyFault | None]:
        """The profile that an event belongs to, or what is wrong with the value ``found`` of its key."""
        profiles = self._program.fresh_profiles()[self._state_id]
        self._program.apply([line], {self._state_id: profiles}, now=0)
        if profiles:
            return next(iter(profiles)), None
        if profiles.refused:
            return None, "too long"
        return None, "missing" if found is None else "empty" if found == "" else "no scalar"


class _Conditions:
    """The conditions of one attribute, asked one by one; each is compiled when it is first needed."""

    def __init__(self, plan: GroupPlan, attribute: AttributePlan) -> None:
        self._plan = plan
        self._attribute = attribute
        self._entries = tuple(attribute.source.events or ())

    @cached_property
    def _events(self) -> _Question:
        return _Question.of(self._plan, events=list(self._entries))

    @cached_property
    def _all(self) -> list[_Question]:
        return [_Question.of(self._plan, criterion=criterion) for criterion in self._attribute.conditions]

    @cached_property
    def _any(self) -> list[_Question]:
        return [_Question.of(self._plan, criterion=criterion) for criterion in self._attribute.alternatives]

    @cached_property
    def _without_period(self) -> _Question:
        keeps = self._attribute.keeps
        inner = keeps.inner if isinstance(keeps, Period) else keeps
        return _Question(self._plan, replace(self._attribute, keeps=inner))

    def not_asked(self, identity: tuple[Any, Any, Any]) -> NotAsked | None:
        """That no entry looks at events of this name, vendor and version."""
        return None if self._events.looks_at(identity) else NotAsked(self._entries, by_specification=False)

    def not_made_for(self, line: bytes) -> NotAsked | None:
        """That the event was made for another event specification."""
        return None if self._events.counts(line) else NotAsked(self._entries, by_specification=True)

    def criteria_failed(self, line: bytes, reading: Callable[[Property], Reading]) -> CriteriaFailed | None:
        """The criteria that do not hold, unless they hold together."""

        def unmet(criteria: list[Criterion], questions: list[_Question]) -> tuple[Unmet, ...]:
            return tuple(
                Unmet(criterion, reading(criterion.property))
                for criterion, question in zip(criteria, questions, strict=True)
                if not question.counts(line)
            )

        failed = unmet(self._attribute.conditions, self._all)
        alternatives = unmet(self._attribute.alternatives, self._any)
        if len(alternatives) < len(self._any):
            alternatives = ()
        return CriteriaFailed(failed, alternatives) if failed or alternatives else None

    def unserved(self, line: bytes, value: Reading | None, rejected: bool, errors: list[str]) -> Reason:
        """Why an event that meets all conditions does not update the attribute."""
        keeps = self._attribute.keeps
        if value is not None and rejected:
            return UnfitValue(value, self._attribute.takes, keeps.longest_text)
        if errors:
            return EngineError(errors[0])
        if isinstance(keeps, Period) and self._without_period.counts(line):
            return TooOld(keeps.period)
        assert value is not None, "nothing else is left: what needs no value has been counted"
        return NoValue(value)
