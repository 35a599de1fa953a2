"""Definitions in a YAML file: the members of the API's JSON, and a ``kind``."""

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from snowmelt.definitions import (
    AttributeKey,
    BatchAttributeGroup,
    EventLog,
    ExternalBatchAttributeGroup,
    RuleIntervention,
    Service,
    StreamAttributeGroup,
    read_group,
)
from snowmelt.definitions.problems import problems_of

_READERS: dict[str, Callable[[Any], Any]] = {
    "attribute_key": AttributeKey.model_validate,
    "attribute_group": read_group,
    "stream_attribute_group": StreamAttributeGroup.model_validate,
    "batch_attribute_group": BatchAttributeGroup.model_validate,
    "external_batch_attribute_group": ExternalBatchAttributeGroup.model_validate,
    "service": Service.model_validate,
    "rule_intervention": RuleIntervention.model_validate,
    "event_log": EventLog.model_validate,
}
KINDS = ", ".join(_READERS)
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
        try:
            definitions.append(_read(item))
        except ValidationError as error:
            problems += (f"{_place(number, item)}: {problem}" for problem in problems_of(error))
        except ValueError as error:
            problems.append(f"{_place(number, item)}: {error}")
    return definitions, problems


def _read(item: Any) -> Any:
    if not isinstance(item, dict):
        raise ValueError(f"must be a mapping with a `kind` ({KINDS}), not {type(item).__name__}")
    if "kind" not in item:
        raise ValueError(f"has no `kind`: write one of {KINDS}")
    read = _READERS.get(item["kind"]) if isinstance(item["kind"], str) else None
    if read is None:
        raise ValueError(f"kind {item['kind']!r} is none of {KINDS}")
    return read({name: value for name, value in item.items() if name != "kind"})


def _place(number: int, item: Any) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return f"definition {number}" + (f" ({name})" if name else "")
