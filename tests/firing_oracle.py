"""What must fire: a plain loop over all events, each judged from everything before it.

Written from docs/semantics.md and not from the engine, which it judges; it shares no code with it.
"""

import re
from datetime import timedelta
from typing import Any

import oracle
from snowmelt.definitions import AttributeGroup

Json = dict[str, Any]


class Judge:
    """Groups whose attributes can be asked for at any moment.

    Args:
        wires: the definitions, as they are registered; every name once.
    """

    def __init__(self, wires: list[Json]) -> None:
        self._groups: dict[str, tuple[Json, dict[str, Json]]] = {}
        for wire in wires:
            group = AttributeGroup.model_validate(wire)
            key = group.attribute_key.key_property()
            assert key is not None
            attributes = {}
            for attribute, model in zip(wire["attributes"], group.attributes or [], strict=True):
                ttl = model.ttl or group.ttl or group.attribute_key.ttl
                attributes[attribute["name"]] = attribute | {"period_ms": _ms(model.period), "ttl_ms": _ms(ttl)}
            self._groups[wire["name"]] = {"key_property": key.model_dump()}, attributes

    def key_of(self, group: str, event: Json) -> str | None:
        """The key value that an event has for a group."""
        return identifier(event, self._groups[group][0]["key_property"])

    def values(self, names: list[str], keys: dict[str, str | None], events: list[Json], now: int) -> list[Any]:
        """The values of ``group:attribute`` names, for the key value of each group."""
        found = []
        for name in names:
            group, attribute = name.split(":")
            judged, attributes = self._groups[group]
            key = keys[group]
            described = attributes[attribute]
            value = described.get("default_value")
            found.append(value if key is None else oracle.value_of(events, judged, described, key, now))
        return found

    def all_of(self, group: str) -> list[str]:
        """The names of a group's attributes."""
        return [f"{group}:{name}" for name in self._groups[group][1]]

    def groups_of(self, names: list[str]) -> list[str]:
        """The groups that names speak of."""
        return list(dict.fromkeys(name.split(":")[0] for name in names))


def _ms(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // timedelta(milliseconds=1)


def identifier(event: Json, prop: Json) -> str | None:
    """The value of a key in an event, if it names somebody."""
    text = oracle.as_text(oracle.read_property(event, prop))
    return text if text and len(text.encode()) <= 512 else None


def names_in(tree: Json) -> list[str]:
    """The attributes in a criteria tree, each once."""
    if "attribute" in tree:
        return [tree["attribute"]]
    return list(dict.fromkeys(name for parts in tree.values() for part in parts for name in names_in(part)))


def holds(tree: Json, after: Json, before: Json) -> bool:
    """Whether criteria hold of values by name; ``changed`` looks at those before, too."""
    if "all" in tree:
        return all(holds(part, after, before) for part in tree["all"])
    if "any" in tree:
        return any(holds(part, after, before) for part in tree["any"])
    if "none" in tree:
        return not any(holds(part, after, before) for part in tree["none"])
    value, operator, operand = after[tree["attribute"]], tree["operator"], tree.get("value")
    if operator == "changed":
        return value is not None and value != before[tree["attribute"]]
    if operator.startswith("not "):
        return value is not None and not holds(tree | {"operator": operator.removeprefix("not ")}, after, before)
    if operator == "rlike":
        return isinstance(value, str) and re.search(operand, value) is not None
    return oracle.holds(value, operator, operand)


def asks_for_change(tree: Json) -> bool:
    """Whether ``changed`` is among the criteria."""
    return tree.get("operator") == "changed" or any(map(asks_for_change, tree.get("all", [])))


def firings(judge: Judge, rules: list[Json], keys: dict[str, Json], arrival: list[Json]) -> list[tuple[Any, ...]]:
    """What fires, in order: the rule's name, its targets, the values sent along, and when.

    Args:
        judge: of the groups.
        rules: definitions; each names its targets.
        keys: the property of each target.
        arrival: events as they come; those whose id came before do not count.
    """
    events = oracle.counted_once(arrival)
    had: set[tuple[str, str, str]] = set()
    fired = []
    for number, event in enumerate(events):
        at, _ = oracle.happened(event)
        for rule in rules:
            found = [(key["name"], identifier(event, keys[key["name"]])) for key in rule["target_attribute_keys"]]
            targets = [(name, value) for name, value in found if value is not None]
            repeats = asks_for_change(rule["criteria"])
            if not repeats:
                targets = [target for target in targets if (rule["name"], *target) not in had]
            if not targets:
                continue
            names = names_in(rule["criteria"])
            payload = [judge.all_of(link["name"]) for link in rule.get("payload_attribute_groups", [])]
            along = [*names, *(name for group in payload for name in group)]
            whose = {group: judge.key_of(group, event) for group in judge.groups_of(along)}
            before = dict(zip(names, judge.values(names, whose, events[:number], at), strict=True))
            after = dict(zip(names, judge.values(names, whose, events[: number + 1], at), strict=True))
            if not holds(rule["criteria"], after, before) or (not repeats and holds(rule["criteria"], before, before)):
                continue
            had |= {(rule["name"], *target) for target in targets}
            sent = dict(zip(along, judge.values(along, whose, events[: number + 1], at), strict=True))
            fired.append((rule["name"], tuple(targets), sent, at))
    return fired
