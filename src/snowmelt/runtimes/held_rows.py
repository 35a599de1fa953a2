"""Where the profile store holds somebody: which state ids, and under which keys."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from snowmelt.compute import state
from snowmelt.events.erasure import Subject
from snowmelt.interventions.alarm import Alarm, Wait
from snowmelt.interventions.firing import mark_key
from snowmelt.runtimes.snapshot import Snapshot
from snowmelt.stores.outbox import Delivery
from snowmelt.stores.profiles import Commit


class Kept(NamedTuple):
    """Something of which rows are kept.

    Args:
        kind: ``values``, ``event_logs`` or ``interventions``.
        title: for people.
        key: the attribute key by which its profiles are named; ``None`` for interventions, which name their targets.
    """

    kind: str
    title: str
    key: str | None


def kept_by(snapshot: Snapshot | None) -> dict[int, Kept]:
    """What each state id of the definitions in force is for."""
    if snapshot is None:
        return {}
    found: dict[int, Kept] = {}
    for group in snapshot.groups:
        title = f"{group.group.get('name')}_v{group.group.get('version')}"
        found[group.state_id] = Kept("values", title, _key_of(group.group))
    for log in snapshot.event_logs:
        found[log.state_id] = Kept("event_logs", str(log.event_log.get("name")), _key_of(log.event_log))
    for one in snapshot.interventions:
        title = f"{one.intervention.get('name')}_v{one.intervention.get('version')}"
        found[one.state_id] = Kept("interventions", title, None)
    return found


def _key_of(definition: Mapping[str, object]) -> str:
    key = definition.get("attribute_key")
    return str(key.get("name")) if isinstance(key, Mapping) else ""


def profile_states(states: Iterable[int], kept: Mapping[int, Kept], subject: Subject) -> list[int]:
    """The state ids that may have a profile of somebody: those of the key, and those that no definition explains."""
    return [one for one in states if one not in kept or kept[one].key in subject.names]


def rule_states(states: Iterable[int], kept: Mapping[int, Kept]) -> list[int]:
    """The state ids of interventions, and those that no definition explains: what rests is remembered too."""
    return [one for one in states if one not in kept or kept[one].key is None]


def waits_for(wait: Wait, kept: Mapping[int, Kept], subject: Subject) -> bool:
    """Whether a rule waits for somebody: as its target, or as one whose values it looks at."""
    if any(name in subject.names and value == subject.identifier for name, value in wait.targets):
        return True
    for state_id, value in zip(wait.meaning[1:], wait.keys, strict=False):
        if value == subject.identifier and (state_id not in kept or kept[state_id].key in subject.names):
            return True
    return False


def meant_waits(
    stored: Iterable[tuple[str, bytes]], kept: Mapping[int, Kept], subject: Subject
) -> Iterator[tuple[str, Wait]]:
    """Those of a rule's stored waits that are for somebody."""
    needle = subject.identifier.encode()
    for key, value in stored:
        if needle in value:
            wait = Wait.of(key, state.decode(value))
            if waits_for(wait, kept, subject):
                yield key, wait


def goes_to(delivery: Delivery, subjects: Sequence[Subject]) -> bool:
    """Whether an intervention goes to somebody, perhaps among others."""
    return not targets_of(subjects).isdisjoint(delivery.targets)


def targets_of(subjects: Sequence[Subject]) -> set[tuple[str, str]]:
    """Somebody as target of interventions, under every name of the key."""
    return {(name, one.identifier) for one in subjects for name in one.names}


def erase_rows(commit: Commit, kept: Mapping[int, Kept], subjects: Sequence[Subject]) -> dict[str, int]:
    """Delete all that a transaction of the engine can see of somebody.

    Returns:
        How many rows of each kind there were.
    """
    counts = dict.fromkeys(("values", "event_logs", "interventions", "timers", "deliveries"), 0)
    states = commit.state_ids()
    alarms: list[Alarm] = []
    for subject in subjects:
        for state_id in profile_states(states, kept, subject):
            kind = kept[state_id].kind if state_id in kept else "values"
            counts[kind] += commit.erase(state_id, subject.identifier)
        for state_id in rule_states(states, kept):
            for name in subject.names:
                counts["interventions"] += commit.erase(state_id, mark_key(name, subject.identifier))
            for key, wait in meant_waits(commit.waits(state_id), kept, subject):
                counts["timers"] += commit.erase(state_id, key)
                alarms.append(Alarm(state_id, key, wait.indexed, None))
    commit.set_alarms(alarms)
    counts["deliveries"] += commit.erase_pending(lambda one: goes_to(one, subjects))
    return counts
