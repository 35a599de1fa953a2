"""What one event, or time alone, makes of a rule: whether it fires, and for whom."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from snowmelt.compute.profiles import Profiles, touch
from snowmelt.compute.projection import Projection
from snowmelt.interventions.rule import Rule

_FIRINGS = UUID("6f0a2b74-2d0e-5f3c-9a5e-6f1d4c1a7b90")
"""The namespace of the ids of firings: equal firings, such as those of a log that is read again, have equal ids."""

Keys = tuple[str | None, ...]


class Firing(NamedTuple):
    """An intervention that is to be sent.

    Args:
        rule: whose.
        id: one for all its targets.
        targets: the attribute key and identifier of each that has not had it before.
        attributes: what is sent along, by ``group:attribute``.
        at: when it fired, ms since the epoch.
    """

    rule: Rule
    id: UUID
    targets: tuple[tuple[str, str], ...]
    attributes: dict[str, Any]
    at: int


class Judged(NamedTuple):
    """What is known of a rule before an event is counted."""

    keys: Keys
    targets: tuple[tuple[str, str], ...]
    at: int
    event_id: str
    values: list[Any]


class Watch:
    """One rule over one batch of events.

    Args:
        rule: that is watched.
        projection: how events are decoded.
        profiles: by state id, those of the groups, and what is remembered of the rule.
        now: ms since the epoch; the time of events that have none.
        fire: is given what fires.
    """

    def __init__(
        self,
        rule: Rule,
        projection: Projection,
        profiles: Mapping[int, Profiles],
        now: int,
        fire: Callable[[Firing], None],
    ) -> None:
        self._rule = rule
        self._context, self._when = rule.context(projection), rule.when(projection)
        self._groups = [profiles[group.state_id] for group in rule.groups]
        self._marks = profiles[rule.state_id]
        self._now, self._fire = now, fire

    def before(self, event: Any) -> Judged | None:
        """Look at the state just before an event; ``None`` if the rule cannot fire with it.

        It cannot where no target is named in the event, where all have had it, or where the criteria hold already.
        """
        keys, found = self._context(event)
        targets = self._open(found)
        if not targets:
            return None
        at, _, event_id = self._when(event, self._now)
        values = self._rule.values(self._profiles(keys), at)
        if self._rule.once and self._rule.criteria.holds(values):
            return None
        return Judged(keys, targets, at, event_id, values)

    def after(self, judged: Judged) -> None:
        """Look at the state just after it, and fire if the criteria have come to hold."""
        rule, profiles = self._rule, self._profiles(judged.keys)
        values = rule.values(profiles, judged.at)
        if not rule.criteria.holds(values):
            return
        if not all(_differs(judged.values[place], values[place]) for place in rule.criteria.changed):
            return
        count = self._mark(judged.targets)
        name = "\0".join((str(rule.state_id), str(count), judged.event_id, *map(repr, judged.targets)))
        self._fire(Firing(rule, uuid5(_FIRINGS, name), judged.targets, rule.attributes(profiles, judged.at), judged.at))

    def _open(self, found: Keys) -> tuple[tuple[str, str], ...]:
        """The targets of an event that may have it still."""
        named = zip(self._rule.targets, found, strict=True)
        targets = tuple((name, value) for (name, _), value in named if value is not None)
        if self._rule.once:
            return tuple(target for target in targets if self._marks[mark_key(*target)][1] is None)
        return targets

    def _mark(self, targets: Sequence[tuple[str, str]]) -> int:
        """Remember that some targets have it, and say how many times the first one has had it."""
        for target in targets:
            key = mark_key(*target)
            mark = self._marks[key]
            mark[1] = (mark[1] or 0) + 1
            touch(self._marks, key, mark)
        return int(self._marks[mark_key(*targets[0])][1])

    def _profiles(self, keys: Keys) -> list[list[Any] | None]:
        return [None if key is None else group[key] for group, key in zip(self._groups, keys, strict=True)]


def mark_key(name: str, value: str) -> str:
    """Under which key it is remembered how often a target had an intervention.

    >>> mark_key("user_id", "ann")
    'F\\x00user_id\\x00ann'
    """
    return f"F\0{name}\0{value}"


def _differs(before: Any, after: Any) -> bool:
    return after is not None and before != after
