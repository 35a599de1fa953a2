"""What one event, or time alone, makes of a rule: whether it fires, and for whom."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from snowmelt.compute.profiles import Profiles, touch
from snowmelt.interventions.alarm import Alarm, Wait, wait_key
from snowmelt.interventions.finding import Finding, Keys, Targets
from snowmelt.interventions.rule import Rule

_FIRINGS = UUID("6f0a2b74-2d0e-5f3c-9a5e-6f1d4c1a7b90")
"""The namespace of the ids of firings: equal firings, such as those of a log that is read again, have equal ids."""

SOON_MS = 1_000
"""So soon after criteria came to hold by time it does not matter whether they do still."""


class Firing(NamedTuple):
    """An intervention that is to be sent.

    Args:
        rule: whose.
        id: one for all its targets.
        targets: the attribute key and identifier of each that has not had it before.
        attributes: what is sent along, by ``group:attribute``.
        at: when it fired, ms since the epoch.
        event_id: of the event that made it fire; ``None`` if time did.
    """

    rule: Rule
    id: UUID
    targets: Targets
    attributes: dict[str, Any]
    at: int
    event_id: str | None


class Judged(NamedTuple):
    """What is known of a rule before an event is counted."""

    keys: Keys
    named: Targets
    at: int
    event_id: str
    values: list[Any]
    held: bool
    wait: Wait | None


class Watch:
    """One rule over one batch of events, or of alarms.

    Args:
        rule: that is watched.
        finding: what it looks for in events.
        profiles: by state id, those of the groups, and what is remembered of the rule.
        fire: is given what fires.
        set_alarm: is given when the rule is to be looked at without an event.
    """

    def __init__(
        self,
        rule: Rule,
        finding: Finding,
        profiles: Mapping[int, Profiles],
        fire: Callable[[Firing], None],
        set_alarm: Callable[[Alarm], None],
    ) -> None:
        self._rule = rule
        self._finding = finding
        self._groups = [profiles[group.state_id] for group in rule.groups]
        self._meaning = (rule.since, *(group.state_id for group in rule.groups))
        self._memory = profiles[rule.state_id]
        self._fire, self._set_alarm = fire, set_alarm

    def before(self, event: Any) -> Judged | None:
        """Look at the state just before an event; ``None`` if nothing can come of it.

        Nothing can where no target is named in the event, where the criteria hold already and time does not end that,
        or where time can bring it about and all have had it. Who has had it is asked last: that most rules need it
        seldom is what makes them cheap.
        """
        keys, named, (at, _, event_id) = self._finding.of(event)
        if not named:
            return None
        wait = None
        if self._rule.turning:
            if not self._open(named):
                return None
            # What time has brought about by now comes before what the event does.
            wait = self._wait(keys, named)
            if wait.due is not None and wait.due <= at:
                wait = self._put(wait, self._lapse(wait, at))
                if not self._open(named):
                    return None
        values = self._rule.values(self._profiles(keys), at)
        held = self._rule.once and self._rule.criteria.holds(values)
        if held and not self._rule.turning:
            return None
        return Judged(keys, named, at, event_id, values, held, wait)

    def after(self, judged: Judged) -> None:
        """Look at the state just after it, and fire if the criteria have come to hold."""
        rule, profiles = self._rule, self._profiles(judged.keys)
        values = rule.values(profiles, judged.at)
        if (
            not judged.held
            and rule.criteria.holds(values)
            and all(_differs(judged.values[place], values[place]) for place in rule.criteria.changed)
        ):
            if targets := self._open(judged.named):
                self._send(judged.keys, targets, judged.at, judged.event_id)
            if judged.wait is not None:
                self._put(judged.wait, None)
        elif judged.wait is not None:
            self._put(judged.wait, rule.turn(profiles, judged.at))

    def ring(self, key: str, indexed: int, until: int) -> None:
        """Look at the rule because an alarm is due.

        Args:
            key: under which it is remembered for whom.
            indexed: when the alarm was set for.
            until: what is due up to this instant (ms since the epoch) is looked at; no event before it is to come.
        """
        wait = Wait.of(key, self._memory[key])
        if wait.indexed != indexed or wait.meaning != self._meaning:
            # It was moved meanwhile, or the rule was published anew or means other groups: then events set another.
            self._set_alarm(Alarm(self._rule.state_id, key, indexed, None))
            return
        self._index(wait, wait.due if wait.due is None or wait.due > until else self._lapse(wait, until))

    def _lapse(self, wait: Wait, until: int) -> int | None:
        """Fire if the criteria have come to hold since by time alone.

        Whoever comes late, because the server was down, must find that they hold still.

        Returns:
            The next instant that is to be waited for.
        """
        profiles = self._profiles(wait.keys)
        at = wait.due
        while at is not None and at <= until:
            if self._rule.holds(profiles, at) and not self._rule.holds(profiles, at - 1):
                targets = self._open(wait.targets)
                if targets and (until - at <= SOON_MS or self._rule.holds(profiles, until)):
                    self._send(wait.keys, targets, at, None)
                    return None
            at = self._rule.turn(profiles, at)
        return at

    def _send(self, keys: Keys, targets: Targets, at: int, event_id: str | None) -> None:
        count = self._mark(targets)
        cause = f"time {at}" if event_id is None else event_id
        name = "\0".join((str(self._rule.state_id), str(count), cause, *map(repr, targets)))
        attributes = self._rule.attributes(self._profiles(keys), at)
        self._fire(Firing(self._rule, uuid5(_FIRINGS, name), targets, attributes, at, event_id))

    def _open(self, targets: Targets) -> Targets:
        """Those of some targets that may have it still."""
        if self._rule.once:
            return tuple(target for target in targets if self._memory[mark_key(*target)][1] is None)
        return targets

    def _mark(self, targets: Sequence[tuple[str, str]]) -> int:
        """Remember that some targets have it, and say how many times the first one has had it."""
        for target in targets:
            key = mark_key(*target)
            mark = self._memory[key]
            mark[1] = (mark[1] or 0) + 1
            touch(self._memory, key, mark)
        return int(self._memory[mark_key(*targets[0])][1])

    def _profiles(self, keys: Keys) -> list[list[Any] | None]:
        return [None if key is None else group[key] for group, key in zip(self._groups, keys, strict=True)]

    def _wait(self, keys: Keys, targets: Targets) -> Wait:
        key = wait_key(self._meaning, keys, targets)
        remembered = self._memory[key]
        return Wait.of(key, remembered) if remembered[1] else Wait(key, None, None, self._meaning, keys, targets)

    def _put(self, wait: Wait, due: int | None) -> Wait:
        """Wait for another instant. An alarm that comes too early stays where it is: it costs less than to move it."""
        if due is not None and (wait.indexed is None or due < wait.indexed):
            return self._index(wait, due)
        return wait if due == wait.due else self._store(wait._replace(due=due))

    def _index(self, wait: Wait, due: int | None) -> Wait:
        self._set_alarm(Alarm(self._rule.state_id, wait.key, wait.indexed, due))
        return self._store(wait._replace(indexed=due, due=due))

    def _store(self, wait: Wait) -> Wait:
        remembered = self._memory[wait.key]
        remembered[1] = wait.packed()
        touch(self._memory, wait.key, remembered)
        return wait


def mark_key(name: str, value: str) -> str:
    """Under which key it is remembered how often a target had an intervention.

    >>> mark_key("user_id", "ann")
    'F\\x00user_id\\x00ann'
    """
    return f"F\0{name}\0{value}"


def _differs(before: Any, after: Any) -> bool:
    return after is not None and before != after
