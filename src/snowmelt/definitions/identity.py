"""When two definitions mean the same, however they are written."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from snowmelt.definitions.agentic_decision import AgenticDecision
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.attribute_key import AttributeKey
from snowmelt.definitions.base import Definition
from snowmelt.definitions.event_log import EventLog
from snowmelt.definitions.intervention import RuleIntervention
from snowmelt.definitions.service import Service

_FAMILIES: Final[tuple[type[Definition], ...]] = (
    AttributeGroup,
    AttributeKey,
    Service,
    RuleIntervention,
    EventLog,
    AgenticDecision,
)

_STATE: Final = {"is_published", "has_published_version", "online"}
"""Members that say nothing about what is computed; ``online`` has no effect."""

_EMPTY_IS_ABSENT: Final = frozenset(
    {
        "attributes",
        "fields",
        "events",
        "all",
        "any",
        "criteria",
        "target_attribute_keys",
        "payload_attribute_groups",
    }
)


def same_definition(a: Definition, b: Definition) -> bool:
    """Whether two definitions mean the same; whether they are published does not matter.

    Defaults are filled in, durations and instants are compared by what they stand for, and an absent member
    equals an empty one where emptiness says nothing. Members that only the registry adds to its answers are
    left out. The keys of two groups agree if they have one name and do not contradict each other about what
    identifies a profile.

    >>> from snowmelt.definitions import Attribute, StreamAttributeGroup, user_id
    >>> views = Attribute(name="views", type="int32", aggregation="counter", period="P1Y")
    >>> group = StreamAttributeGroup(name="shop", attribute_key=user_id, attributes=[views], owner="a@b.com")
    >>> other = AttributeGroup.model_validate(group.to_wire() | {"fields": [], "is_published": True})
    >>> same_definition(group, other)
    True
    """
    return not differing_members(a, b)


def differing_members(a: Definition, b: Definition) -> list[str]:
    """The members by which two definitions differ in meaning, sorted; ``["type"]`` if they are of two kinds.

    >>> from snowmelt.definitions import user_id
    >>> differing_members(user_id, user_id.model_copy(update={"owner": "crm", "is_published": True}))
    ['owner']
    """
    family = _family(a)
    if family is not _family(b):
        return ["type"]
    meaning_a, meaning_b = _meaning(a, family), _meaning(b, family)
    differing = {
        member for member in meaning_a.keys() | meaning_b.keys() if meaning_a.get(member) != meaning_b.get(member)
    }
    if isinstance(a, AttributeGroup) and isinstance(b, AttributeGroup) and not _agree(a.attribute_key, b.attribute_key):
        differing.add("attribute_key")
    return sorted(differing)


def same_profiles(a: AttributeKey, b: AttributeKey) -> bool:
    """Whether two definitions of a key identify the same profiles, in events and in warehouse tables.

    Description, owner, ttl and state may differ.

    >>> same_profiles(AttributeKey(name="user_id"), AttributeKey(name="user_id", key="user_id", owner="crm"))
    True
    """
    return a.name == b.name and _identification(a) == _identification(b)


def _agree(a: AttributeKey, b: AttributeKey) -> bool:
    if a.name != b.name:
        return False
    bare = any(key.property is None and key.key is None and key.external_column is None for key in (a, b))
    return bare or same_profiles(a, b)


def _identification(key: AttributeKey) -> tuple[str, str | None]:
    found = key.key_property()
    return _text(found.to_wire() if found else None), key.external_column


def _family(definition: Definition) -> type[Definition]:
    return next((family for family in _FAMILIES if isinstance(definition, family)), type(definition))


def _meaning(definition: Definition, family: type[Definition]) -> dict[str, str]:
    members = {
        name: value
        for name, value in definition.model_dump(exclude_none=True).items()
        if name in family.model_fields and name not in _STATE
    }
    if isinstance(definition, AttributeGroup):
        members.pop("attribute_key", None)
        if not definition.offline:
            members.pop("offline", None)
    if isinstance(definition, AttributeKey):
        members.pop("key", None)
        members.pop("property", None)
        found = definition.key_property()
        if found is not None:
            members["property"] = found.model_dump(exclude_none=True)
    plain = _plain(members)
    return {name: _text(value) for name, value in plain.items()}


def _plain(value: Any) -> Any:
    """JSON-ready values in which equal meanings are equal texts."""
    if isinstance(value, Mapping):
        members = {name: _NORMAL.get(name, _same)(_plain(part)) for name, part in value.items()}
        return {name: part for name, part in members.items() if part or name not in _EMPTY_IS_ABSENT}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _same(value: Any) -> Any:
    return value


_NORMAL: Final[Mapping[str, Callable[[Any], Any]]] = {
    "path": lambda path: path.removeprefix("$."),
    "separator": lambda separator: separator or None,
}


def _text(value: Any) -> str:
    # As text, since Python holds 1, 1.0 and True for equal.
    return json.dumps(value, sort_keys=True, default=str)
