"""The set of published groups and event logs, compiled: batches of events in, changed profiles out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol, TypeAlias

import msgspec

from snowmelt.compute.event_log_handler import EventLogHandlerSource, Selected, log_paths_needed
from snowmelt.compute.event_log_plan import EventLogPlan, plan_event_log
from snowmelt.compute.handler import HandlerSource, paths_needed
from snowmelt.compute.plan import AttributePlan, GroupPlan, plan_group
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.projection import Path, Projection
from snowmelt.compute.seen_events import SeenEvents
from snowmelt.compute.switch import switch_for
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.event import Event
from snowmelt.definitions.event_log import EventLog, EventLogEvent

MAX_KINDS = 10_000
"""Kinds of events whose handler is remembered; beyond it they are compiled again when they come."""

TOGETHER = 512
"""Events that are decoded, and looked up by their ids, before they are handled: more would leave the CPU's cache."""

ANY_KEY = 2_000
"""Bytes that the keys of what a watcher remembers may have: names, and values of at most 512 bytes each."""

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


class Watch(Protocol):
    """Somebody who looks at what events do to attributes; see :class:`snowmelt.interventions.firing.Watch`."""

    def before(self, event: Any) -> Any | None:
        """Look at the state just before an event is counted; ``None`` says that there is no need to look again."""

    def after(self, judged: Any) -> None:
        """Look at the state just after it, given what :meth:`before` has found."""


class Watcher(Protocol):
    """Who looks on, whatever the batch."""

    @property
    def state_id(self) -> int:
        """Names what it remembers."""

    @property
    def watched(self) -> frozenset[tuple[int, int]]:
        """State id and slot of the attributes that it looks at."""

    @property
    def ends(self) -> bool:
        """As for a group: whether time alone may end all that it remembers."""

    def paths(self) -> Iterable[Path]:
        """What it reads of events."""

    def decode(self, stored: bytes | memoryview) -> list[Any]:
        """What it remembers, as it was stored."""

    def is_over(self, stored: bytes | memoryview, now: int) -> bool:
        """As for a group."""


Watching: TypeAlias = Callable[[Any, Projection], Watch]
"""Makes one of the watchers look at a batch whose events are decoded by a projection."""

Handler: TypeAlias = Callable[[Any], None]
Bind: TypeAlias = Callable[..., Handler]
"""Makes a handler for one batch: of its profiles, its time, and what takes rejected values."""


class _Handlers(dict[Any, Handler | None]):
    """Kind of event -> what handles it in this batch, made when the first such event comes."""

    def __init__(self, make: Callable[[Any], Handler | None]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, kind: Any) -> Handler | None:
        handler = self[kind] = self._make(kind)
        return handler


class Program:
    """What the engine runs for a set of published groups and event logs. It knows no clock, no store and no file.

    Args:
        plans: the groups, from :func:`snowmelt.compute.plan.plan_group`.
        logs: the event logs, from :func:`snowmelt.compute.event_log_plan.plan_event_log`.
        watchers: who looks at what events do to attributes: the rules of interventions.

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

    def __init__(
        self, plans: Sequence[GroupPlan], logs: Sequence[EventLogPlan] = (), watchers: Sequence[Watcher] = ()
    ) -> None:
        self.plans = tuple(plans)
        self.logs = tuple(logs)
        self.watchers = tuple(watchers)
        self._selected_by = tuple(
            field
            for selector, field in _IDENTITY.items()
            if any(_asks_for(event, selector) for event in _events(self.plans, self.logs))
        )
        paths = {path for plan in self.plans for path in paths_needed(plan)}
        paths |= {path for log in self.logs for path in log_paths_needed(log)}
        paths |= {path for watcher in self.watchers for path in watcher.paths()}
        self.projection = Projection(paths | {(field,) for field in (*self._selected_by, "event_id")})
        self._kind_of = _kind_function(self._selected_by)
        self._binders: dict[Any, Bind | None] = {}
        self._compiled: dict[tuple[Any, ...], Bind] = {}
        self._concerned_watchers: dict[Any, tuple[Watcher, ...]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Generated code does not travel; another process compiles the same definitions again. Who looks on stays.
        groups = [(plan.state_id, plan.group) for plan in self.plans]
        return _recompile, (groups, [(plan.state_id, plan.log) for plan in self.logs])

    @property
    def kept(self) -> tuple[GroupPlan | EventLogPlan | Watcher, ...]:
        """Everything that has profiles."""
        return (*self.plans, *self.logs, *self.watchers)

    def fresh_profiles(self) -> dict[int, Profiles]:
        """Empty profiles for every group, event log and watcher: what a replay starts from."""
        profiles = {plan.state_id: Profiles(len(plan.attributes)) for plan in self.plans}
        profiles |= {plan.state_id: Profiles(1) for plan in self.logs}
        return profiles | {watcher.state_id: Profiles(1, longest=ANY_KEY) for watcher in self.watchers}

    def apply(
        self,
        chunks: Iterable[bytes | memoryview],
        profiles: Mapping[int, Profiles],
        now: int,
        seen: SeenEvents | None = None,
        watching: Watching | None = None,
    ) -> Tally:
        """Update profiles with a batch of events.

        Args:
            chunks: events in their JSON form, one a line, in chunks of one or more lines; a few hundred
                kilobytes a chunk are decoded fastest.
            profiles: by state id, the profiles of each group and event log; changed in place.
            now: ms since the epoch; decides only which tiles of a period, and which events of a log, need no longer
                be kept.
            seen: the ids of earlier events; an event whose id is among them is not counted again. Without it
                every event counts.
            watching: makes a watcher look at this batch. Without it nobody looks, as in replays: an event of the past
                makes nothing happen.

        Cost: with three attributes about 2 µs an event on one core, more than half of it decoding.
        """
        tally = Tally()
        rejected = tally.rejected

        def reject(state_id: int, slot: int) -> None:
            rejected[state_id, slot] += 1

        watches: dict[int, Watch] = {}
        handlers = _Handlers(lambda kind: self._handler(kind, profiles, now, reject, watching, watches))
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
        self,
        kind: Any,
        profiles: Mapping[int, Profiles],
        now: int,
        reject: Callable[[int, int], None],
        watching: Watching | None,
        watches: dict[int, Watch],
    ) -> Handler | None:
        bind = self._binder(kind)
        if bind is None:
            return None
        handle = bind(profiles, now, reject)
        if watching is None:
            return handle
        for watcher in (concerned := self._watchers_of(kind)):
            if watcher.state_id not in watches:
                watches[watcher.state_id] = watching(watcher, self.projection)
        return _watched(handle, [watches[watcher.state_id] for watcher in concerned]) if concerned else handle

    def _watchers_of(self, kind: Any) -> tuple[Watcher, ...]:
        """Who looks at attributes that events of a kind concern."""
        if kind not in self._concerned_watchers:
            if len(self._concerned_watchers) >= MAX_KINDS:
                self._concerned_watchers.clear()
            concerned = self._concerned(self._identity(kind)) if self.watchers else []
            places = {(plan.state_id, one.slot) for plan, attributes in concerned for one, _ in attributes}
            self._concerned_watchers[kind] = tuple(one for one in self.watchers if one.watched & places)
        return self._concerned_watchers[kind]

    def _identity(self, kind: Any) -> dict[str, Any]:
        fields = self._selected_by
        return dict(zip(fields, [kind] if len(fields) == 1 else kind, strict=True))

    def _binder(self, kind: Any) -> Bind | None:
        if kind in self._binders:
            return self._binders[kind]
        identity = self._identity(kind)
        bind = _both(self._attributes_binder(identity), self._logs_binder(identity))
        if len(self._binders) >= MAX_KINDS:
            self._binders.clear()
        self._binders[kind] = bind
        return bind

    def _attributes_binder(self, identity: Mapping[str, Any]) -> Bind | None:
        """What updates the attributes that events with this identity concern."""
        concerned = self._concerned(identity)
        signature = tuple(
            (plan.state_id, tuple((attribute.slot, specs) for attribute, specs in attributes))
            for plan, attributes in concerned
        )
        bind = self._compiled.get(signature)
        if bind is None and concerned:
            switch = switch_for(concerned, self.projection)
            bind = switch.bind if switch else HandlerSource(concerned, self.projection).compile()
            self._compiled[signature] = bind
        return bind

    def _logs_binder(self, identity: Mapping[str, Any]) -> Bind | None:
        """What puts events with this identity into the event logs that keep them."""
        concerned = [(log, selected) for log in self.logs if (selected := _selections(log, identity))]
        # No state id is shared with a group, so that neither are signatures.
        signature = tuple(
            (log.state_id, tuple((selection.number, specs) for selection, specs in selected))
            for log, selected in concerned
        )
        bind = self._compiled.get(signature)
        if bind is None and concerned:
            bind = self._compiled[signature] = EventLogHandlerSource(concerned, self.projection).compile()
        return bind

    def _concerned(
        self, identity: Mapping[str, Any]
    ) -> list[tuple[GroupPlan, list[tuple[AttributePlan, frozenset[str]]]]]:
        """The attributes that events with these names, vendors or versions may update, by group."""
        concerned = []
        for plan in self.plans:
            selected = []
            for attribute in plan.attributes:
                specifications = _selects(attribute.source.events or [], identity)
                if specifications is not None:
                    selected.append((attribute, specifications))
            if selected:
                concerned.append((plan, selected))
        return concerned


def compile_program(groups: Iterable[tuple[int, AttributeGroup]], logs: Iterable[tuple[int, EventLog]] = ()) -> Program:
    """A program of (state id, group) and (state id, event log) pairs.

    Raises:
        DefinitionError: if a group cannot be computed.
    """
    return Program(
        [plan_group(group, state_id) for state_id, group in groups],
        [plan_event_log(log, state_id) for state_id, log in logs],
    )


_recompile = compile_program


def _kind_function(fields: tuple[str, ...]) -> Callable[[Any], Any]:
    """What tells kinds of events apart: one field's value, or a tuple of several."""
    return attrgetter(*fields) if fields else lambda event: ()


def _both(first: Bind | None, second: Bind | None) -> Bind | None:
    """What does one after the other, where there is something to do."""
    if first is None or second is None:
        return first or second
    binders = first, second

    def bind(*batch: Any) -> Handler:
        one, other = (binder(*batch) for binder in binders)

        def handle(event: Any) -> None:
            one(event)
            other(event)

        return handle

    return bind


def _watched(handle: Handler, watches: Sequence[Watch]) -> Handler:
    """The handler, looked at before and after by those who want to."""

    def watched(event: Any) -> None:
        judged = [(watch, found) for watch in watches if (found := watch.before(event)) is not None]
        handle(event)
        for watch, found in judged:
            watch.after(found)

    return watched


def _events(plans: Iterable[GroupPlan], logs: Iterable[EventLogPlan]) -> Iterable[Event]:
    for plan in plans:
        for attribute in plan.attributes:
            yield from attribute.source.events or []
    for log in logs:
        for selection in log.selections:
            yield selection.event


def _asks_for(event: Event, selector: str) -> bool:
    """Whether an entry looks at the name, vendor or version of an event."""
    return bool(getattr(event, selector)) or (selector == "version" and _major(event) is not None)


def _major(event: Event) -> int | None:
    return event.major_version if isinstance(event, EventLogEvent) else None


def _is_of_major(major: int | None, version: Any) -> bool:
    return major is None or (version.__class__ is str and version.split("-", 1)[0] == str(major))


def _selections(log: EventLogPlan, identity: Mapping[str, Any]) -> list[Selected]:
    """The selections of a log that may match events of an identity, up to the first that always does."""
    selected = []
    for selection in log.selections:
        specifications = _selects([selection.event], identity)
        if specifications is not None:
            selected.append((selection, specifications))
            if not specifications:
                break
    return selected


def _selects(events: Sequence[Event], identity: Mapping[str, Any]) -> frozenset[str] | None:
    """Whether events of an identity are among these.

    ``None`` is no, an empty set yes, other sets yes if made for one of these event specifications. An empty list
    is every event.
    """
    if not events:
        return frozenset()
    specifications = set()
    for event in events:
        matches = all(getattr(event, name) in (None, identity.get(field)) for name, field in _IDENTITY.items())
        if matches and _is_of_major(_major(event), identity.get("event_version")):
            if event.event_specification_id is None:
                return frozenset()
            specifications.add(event.event_specification_id)
    return frozenset(specifications) or None
