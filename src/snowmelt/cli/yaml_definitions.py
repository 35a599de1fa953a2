"""Definitions in a YAML file: the members of the API's JSON, and a ``kind``.

Unlike the API, which must bear clients of other versions, a file takes no member that it does not know.
"""

from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from snowmelt.cli.members import unknown_members
from snowmelt.cli.misreadings import misreadings
from snowmelt.definitions import (
    AgenticDecision,
    AttributeGroup,
    AttributeKey,
    BatchAttributeGroup,
    EventLog,
    ExternalBatchAttributeGroup,
    RuleIntervention,
    Service,
    StreamAttributeGroup,
    read_group,
)
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules import check_group

_MODELS: dict[str, type[BaseModel]] = {
    "attribute_key": AttributeKey,
    "attribute_group": AttributeGroup,
    "stream_attribute_group": StreamAttributeGroup,
    "batch_attribute_group": BatchAttributeGroup,
    "external_batch_attribute_group": ExternalBatchAttributeGroup,
    "service": Service,
    "rule_intervention": RuleIntervention,
    "event_log": EventLog,
    "agentic_decision": AgenticDecision,
}
KINDS = ", ".join(_MODELS)
"""The values of ``kind``, for messages."""


class _Loader(yaml.SafeLoader):
    """Leaves dates as texts, which definitions read themselves, and refuses a member that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the member {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> tuple[list[Any], list[str]]:
    """Read every document of a YAML file, each a definition or a list of them.

    Returns:
        The definitions, and what is wrong with the file.
    """
    definitions: list[Any] = []
    problems: list[str] = []
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), _Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return [], [f"{f'line {mark.line + 1}: ' if mark else ''}{error.problem or error}"]
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        return [], [" ".join(str(error).split())]
    items = [item for document in documents for item in (document if isinstance(document, list) else [document])]
    for number, item in enumerate((item for item in items if item is not None), start=1):
        definition, wrong = _read(item)
        problems += (f"{_place(number, item)}: {problem}" for problem in wrong)
        if definition is not None:
            definitions.append(definition)
    return definitions, problems


def _read(item: Any) -> tuple[Any, list[Problem]]:
    """The definition, if there is one in it, and what is wrong."""
    if not isinstance(item, dict):
        return None, [_unreadable(f"must be a mapping with a `kind` ({KINDS}), not {type(item).__name__}")]
    if "kind" not in item:
        return None, [_unreadable(f"has no `kind`: write one of {KINDS}")]
    model = _MODELS.get(item["kind"]) if isinstance(item["kind"], str) else None
    if model is None:
        return None, [_unreadable(f"kind {item['kind']!r} is none of {KINDS}")]
    members = {name: value for name, value in item.items() if name != "kind"}
    read: Callable[[Any], Any] = read_group if model is AttributeGroup else model.model_validate
    unknown = unknown_members(members, model)
    try:
        return read(members), unknown
    except ValidationError as error:
        return None, [*unknown, *misreadings(error), *_further(members, read, error)]


def _further(members: dict[str, Any], read: Callable[[Any], Any], error: ValidationError) -> Iterator[Problem]:
    """What else is wrong with a group some of whose attributes cannot be read: the rules that the rest breaks."""
    places = [item["loc"] for item in error.errors(include_url=False)]
    unreadable = {place[1] for place in places if place[0] == "attributes" and len(place) > 1}
    attributes = members.get("attributes")
    if not isinstance(attributes, list) or not all(place[0] == "attributes" and len(place) > 1 for place in places):
        return
    # Attributes that break no rule stand in for them, so that the others keep their places.
    whole = [_stand_in(item, at) if at in unreadable else item for at, item in enumerate(attributes)]
    try:
        group = read(members | {"attributes": whole})
    except ValidationError:
        return
    yield from check_group(group.model_copy(update={"is_published": True}))


def _stand_in(item: Any, place: int) -> dict[str, Any]:
    name = item.get("name") if isinstance(item, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        name = f"unreadable_attribute_{place}"
    return {"name": name, "type": "int32", "aggregation": "counter"}


def _unreadable(msg: str) -> Problem:
    return Problem((), msg, "unreadable")


def _place(number: int, item: Any) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return f"definition {number}" + (f" ({name})" if name else "")
