"""The set of published groups, compiled: batches of events in, changed profiles out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from snowmelt.compute.handler import HandlerSource, paths_needed
from snowmelt.compute.plan import AttributePlan, GroupPlan, plan_group
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.projection import Projection
from snowmelt.compute.seen_events import SeenEvents
from snowmelt.compute.switch import switch_for
from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.attribute_group import AttributeGroup

MAX_KINDS = 10_000
"""Kinds of events whose handler is remembered; beyond it they are compiled again when they come."""

TOGETHER = 512
"""Events that are decoded, and looked up by their ids, before they are handled: more would leave the CPU's cache."""

_IDENTITY = {"name": "event_name", "vendor": "event_vendor", "version": "event_version"}


class Tally(msgspec.Struct):
    """What happened to a batch, for metrics and logs.

    Args:
        events: lines read.
        unreadable: lines that were no JSON object.
        repeated: events that had been seen before; they count nowhere.
        rejected: (state id, slot) -> values that could not serve the attribute.
        errors: exceptions, one text for each event that raised; such an event is counted only in part.
    """

    events: int = 0
    unreadable: int = 0
    repeated: int = 0
    rejected: Counter[tuple[int, int]] = msgspec.field(default_factory=Counter)
    errors: list[str] = []


Handler: TypeAlias = Callable[[Any], None]


class _Handlers(dict[Any, Handler | None]):
    """Kind of event -> what handles it in this batch, made when the first such event comes."""

    def __init__(self, make: Callable[[Any], Handler | None]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, kind: Any) -> Handler | None:
        handler = self[kind] = self._make(kind)
        return handler


class Program:
    """What the engine runs for a set of published groups. It knows no clock, no store and no file.

    Args:
        plans: the groups, from :func:`snowmelt.compute.plan.plan_group`.

    >>> from snowmelt.definitions import Attribute, StreamAttributeGroup, domain_userid
    >>> group = StreamAttributeGroup(name="g", attribute_key=domain_userid, owner="a@example.com",
    ...     attributes=[Attribute(name="n", type="int32", aggregation="counter", events=[])])
    >>> program = Program([plan_group(group, state_id=7)])
    >>> profiles = program.fresh_profiles()
    >>> program.apply([b'{"domain_userid": "u"}', b'{"domain_userid": "u"}'], profiles, now=0).events
    2
    >>> profiles[7]["u"]
    [0, 2]
    """

    def __init__(self, plans: Sequence[GroupPlan]) -> None:
        self.plans = tuple(plans)
        self._selected_by = tuple(
            field
            for selector, field in _IDENTITY.items()
            if any(getattr(event, selector) for event in _events(self.plans))
        )
        paths = {path for plan in self.plans for path in paths_needed(plan)}
        self.projection = Projection(paths | {(field,) for field in (*self._selected_by, "event_id")})
        self._kind_of = _kind_function(self._selected_by)
        self._binders: dict[Any, Callable[..., Any] | None] = {}
        self._compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Generated code does not travel; another process compiles the same definitions again.
        return _recompile, ([(plan.state_id, plan.group) for plan in self.plans],)

    def fresh_profiles(self) -> dict[int, Profiles]:
        """Empty profiles for every group: what a replay starts from."""
        return {plan.state_id: Profiles(len(plan.attributes)) for plan in self.plans}

    def apply(
        self,
        chunks: Iterable[bytes | memoryview],
        profiles: Mapping[int, Profiles],
        now: int,
        seen: SeenEvents | None = None,
    ) -> Tally:
        """Update profiles with a batch of events.

        Args:
            chunks: events in their JSON form, one a line, in chunks of one or more lines; a few hundred
                kilobytes a chunk are decoded fastest.
            profiles: by state id, the profiles of each group; changed in place.
            now: ms since the epoch; decides only which tiles of a period need no longer be kept.
            seen: the ids of earlier events; an event whose id is among them is not counted again. Without it
                every event counts.

        Cost: with three attributes about 2 µs an event on one core, more than half of it decoding.
        """
        tally = Tally()
        rejected = tally.rejected

        def reject(state_id: int, slot: int) -> None:
            rejected[state_id, slot] += 1

        handlers = _Handlers(lambda kind: self._handler(kind, profiles, now, reject))
        kind_of = self._kind_of
        for events in self._decoded(chunks, tally):
            if seen is not None:
                repeated = seen.repeated([event.event_id for event in events])
                tally.repeated += len(repeated)
                for place in reversed(repeated):
                    del events[place]
            for event in events:
                try:
                    handle = handlers[kind_of(event)]
                    if handle is not None:
                        handle(event)
                except Exception as error:
                    tally.errors.append(f"{type(error).__name__}: {error}")
        return tally

    def _decoded(self, chunks: Iterable[bytes | memoryview], tally: Tally) -> Iterator[list[Any]]:
        """The events of the chunks, so many together that looking up their ids is cheap for each."""
        gathered: list[Any] = []
        for chunk in chunks:
            events = self.projection.decode_lines(chunk)
            tally.events += len(events)
            if None in events:
                tally.unreadable += events.count(None)
                events = [event for event in events if event is not None]
            gathered += events
            if len(gathered) >= TOGETHER:
                yield gathered
                gathered = []
        if gathered:
            yield gathered

    def source(self, event_name: str | None, vendor: str | None = None, version: str | None = None) -> str:
        """The generated Python that handles one kind of event; empty if no attribute looks at it.

        Where many attributes ask for different texts of one property the engine does not test them one by one
        as this shows (see :mod:`snowmelt.compute.switch`), with the same result.
        """
        identity = dict(zip(_IDENTITY.values(), (event_name, vendor, version), strict=True))
        concerned = self._concerned({field: identity[field] for field in self._selected_by})
        return HandlerSource(concerned, self.projection).text if concerned else ""

    def _handler(
        self, kind: Any, profiles: Mapping[int, Profiles], now: int, reject: Callable[[int, int], None]
    ) -> Handler | None:
        bind = self._binder(kind)
        return bind(profiles, now, reject) if bind else None

    def _binder(self, kind: Any) -> Callable[..., Any] | None:
        if kind in self._binders:
            return self._binders[kind]
        fields = self._selected_by
        concerned = self._concerned(dict(zip(fields, [kind] if len(fields) == 1 else kind, strict=True)))
        signature = tuple(
            (plan.state_id, tuple((attribute.slot, specs) for attribute, specs in attributes))
            for plan, attributes in concerned
        )
        bind = self._compiled.get(signature)
        if bind is None and concerned:
            switch = switch_for(concerned, self.projection)
            bind = switch.bind if switch else HandlerSource(concerned, self.projection).compile()
            self._compiled[signature] = bind
        if len(self._binders) >= MAX_KINDS:
            self._binders.clear()
        self._binders[kind] = bind
        return bind

    def _concerned(
        self, identity: Mapping[str, Any]
    ) -> list[tuple[GroupPlan, list[tuple[AttributePlan, frozenset[str]]]]]:
        """The attributes that events with these names, vendors or versions may update, by group."""
        concerned = []
        for plan in self.plans:
            selected = []
            for attribute in plan.attributes:
                specifications = _selects(attribute.source, identity)
                if specifications is not None:
                    selected.append((attribute, specifications))
            if selected:
                concerned.append((plan, selected))
        return concerned


def compile_program(groups: Iterable[tuple[int, AttributeGroup]]) -> Program:
    """A program of (state id, group) pairs.

    Raises:
        DefinitionError: if a group cannot be computed.
    """
    return Program([plan_group(group, state_id) for state_id, group in groups])


_recompile = compile_program


def _kind_function(fields: tuple[str, ...]) -> Callable[[Any], Any]:
    """What tells kinds of events apart: one field's value, or a tuple of several."""
    return attrgetter(*fields) if fields else lambda event: ()


def _events(plans: Iterable[GroupPlan]) -> Iterable[Any]:
    return (event for plan in plans for attribute in plan.attributes for event in attribute.source.events or [])


def _selects(attribute: Attribute, identity: Mapping[str, Any]) -> frozenset[str] | None:
    """Whether an attribute looks at events of an identity.

    ``None`` is no, an empty set yes, other sets yes if made for one of these event specifications.
    """
    if not attribute.events:
        return frozenset()
    specifications = set()
    for event in attribute.events:
        if all(getattr(event, name) in (None, identity.get(field)) for name, field in _IDENTITY.items()):
            if event.event_specification_id is None:
                return frozenset()
            specifications.add(event.event_specification_id)
    return frozenset(specifications) or None
