"""Definitions in files: Python and YAML, collected with everything that is wrong with them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from snowmelt.cli.errors import CommandError
from snowmelt.cli.python_definitions import read_python
from snowmelt.cli.yaml_definitions import read_yaml
from snowmelt.compute.plan import plan_group
from snowmelt.definitions import (
    AgenticDecision,
    AttributeGroup,
    AttributeKey,
    EventLog,
    RuleIntervention,
    Service,
    domain_userid,
)
from snowmelt.definitions.attribute_key import BUILT_IN_KEYS
from snowmelt.definitions.base import Definition
from snowmelt.definitions.identity import same_definition
from snowmelt.definitions.problems import DefinitionError, Problem
from snowmelt.definitions.rules import (
    check_agentic_decision,
    check_event_log,
    check_group,
    check_intervention,
    check_key,
)
from snowmelt.definitions.rules.services import check_service

_READERS = {".py": read_python, ".yaml": read_yaml, ".yml": read_yaml}

_FAMILIES = (
    (AttributeKey, "attribute key"),
    (AttributeGroup, "attribute group"),
    (Service, "service"),
    (RuleIntervention, "intervention"),
    (EventLog, "event log"),
    (AgenticDecision, "agentic decision"),
)
_UNVERSIONED = (EventLog, AgenticDecision)
"""What is addressed by its name alone, although it has a member ``version``."""


@dataclass(frozen=True)
class Found:
    """A definition and the file that it stands in."""

    definition: Any
    path: Path

    @property
    def title(self) -> str:
        """For people: ``attribute group shop version 2``."""
        return title_of(self.definition)


class DefinitionFilesError(CommandError):
    """Files of definitions have problems; all of them are in the message.

    Args:
        problems: each with its file.
    """

    code: ClassVar[str] = "definition_files"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"the definitions have {count} problem{'s' * (count != 1)}:\n{lines}")


def title_of(definition: Definition) -> str:
    """What a definition is called in messages.

    >>> from snowmelt.definitions import user_id
    >>> title_of(user_id)
    'attribute key user_id'
    """
    family = next(word for kind, word in _FAMILIES if isinstance(definition, kind))
    version = None if isinstance(definition, _UNVERSIONED) else getattr(definition, "version", None)
    return f"{family} {getattr(definition, 'name', '')}" + (f" version {version}" if version is not None else "")


def load_definitions(paths: Iterable[Path]) -> list[Found]:
    """Every definition in files and folders, each once, what others refer to before these others.

    Args:
        paths: ``.py``, ``.yaml`` and ``.yml`` files, or folders of them (searched to the bottom).

    Raises:
        DefinitionFilesError: with every problem of every file.
    """
    problems: list[str] = []
    found: list[Found] = []
    for path in _files(paths, problems):
        definitions, wrong = _READERS[path.suffix](path)
        problems += (f"{path}: {problem}" for problem in wrong)
        found += (Found(definition, path) for definition in definitions)
    once = list(_each_once(found, problems))
    problems += _broken_rules(once)
    if problems:
        raise DefinitionFilesError(problems)
    order = [kind for kind, _ in _FAMILIES]
    return sorted(once, key=lambda one: next(i for i, kind in enumerate(order) if isinstance(one.definition, kind)))


def needed_elsewhere(found: Sequence[Found]) -> dict[str, list[str]]:
    """What definitions refer to that their files do not hold: the server must have it.

    Returns:
        By the title of a definition, what it needs; definitions that need nothing are left out.
    """
    there = {one.title for one in found}
    groups = [one.definition for one in found if isinstance(one.definition, AttributeGroup)]
    needed: dict[str, list[str]] = {}
    for one in found:
        match one.definition:
            case AttributeGroup(attribute_key=key, kind="stream") if key.key_property() is None:
                wanted = [f"attribute key {key.name}"]
            case Service(attribute_groups=links):
                wanted = [f"attribute group {link.name} version {link.version}" for link in links]
            case RuleIntervention() as rule:
                links = rule.payload_attribute_groups or []
                wanted = [f"attribute group {link.name} version {link.version}" for link in links]
                wanted += (
                    f"attribute key {key.name}"
                    for key in rule.target_attribute_keys or ()
                    if key.name not in BUILT_IN_KEYS
                )
                wanted += _attributes_elsewhere(rule.attribute_names(), groups)
            case AgenticDecision() as decision:
                wanted = [f"event log {name}" for name in decision.contexts]
                wanted += _attributes_elsewhere(decision.attribute_names(), groups)
            case _:
                wanted = []
        if missing := [title for title in wanted if title not in there]:
            needed[one.title] = missing
    return needed


def _attributes_elsewhere(names: Iterable[str], groups: Sequence[AttributeGroup]) -> list[str]:
    """Attributes in criteria that no group in the files has."""
    here = {f"{group.name}:{column}" for group in groups for column in group.column_names()}
    return [f"attribute {name}" for name in names if name not in here]


def _files(paths: Iterable[Path], problems: list[str]) -> Iterator[Path]:
    endings = ", ".join(_READERS)
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix in _READERS and not _hidden(file, path))
            if not inside:
                problems.append(f"{path}: there is no file of definitions ({endings}) in this folder")
            yield from inside
        elif not path.exists():
            problems.append(f"{path}: there is no such file")
        elif path.suffix not in _READERS:
            problems.append(f"{path}: files of definitions end in {endings}")
        else:
            yield path


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "__")) for part in file.relative_to(folder).parts)


def _each_once(found: Iterable[Found], problems: list[str]) -> Iterator[Found]:
    """A module that imports another's definitions holds them too: equal ones are one, others contradict."""
    seen: dict[str, Found] = {}
    for one in found:
        first = seen.setdefault(one.title, one)
        if first is one:
            yield one
        elif not same_definition(first.definition, one.definition):
            problems.append(f"{one.path}: {one.title} is defined otherwise in {first.path}")


def _broken_rules(found: Sequence[Found]) -> Iterator[str]:
    """What the server would refuse, as far as it can be told without asking it."""
    keys = {one.definition.name: one.definition for one in found if isinstance(one.definition, AttributeKey)}
    for one in found:
        match one.definition:
            case AttributeKey():
                wrong = check_key(one.definition)
            case AttributeGroup():
                wrong = check_group(one.definition.model_copy(update={"is_published": True}))
                # Only what keeps the rules can be planned.
                wrong = wrong or _not_computable(one.definition, keys)
            case Service():
                # Groups that are not in the files may be on the server.
                links = {(link.name, link.version): True for link in one.definition.attribute_groups}
                wrong = check_service(one.definition, links)
            case RuleIntervention():
                # As a draft: what it refers to may be on the server.
                wrong = check_intervention(one.definition.model_copy(update={"is_published": False}))
            case EventLog():
                wrong = check_event_log(one.definition)
            case _:
                # What it refers to may be on the server.
                wrong = check_agentic_decision(one.definition)
        yield from (f"{one.path}: {one.title}: {problem}" for problem in wrong)


def _not_computable(group: AttributeGroup, keys: Mapping[str, AttributeKey]) -> list[Problem]:
    """What keeps a stream group from being computed.

    Args:
        group: keeps the rules.
        keys: those in the files, by their names; a key that only names itself is looked for there.
    """
    if group.kind != "stream":
        return []
    key = group.attribute_key
    if key.key_property() is None:
        # One that is not in the files may be registered: then another stands in for it.
        key = keys.get(key.name, domain_userid)
    try:
        plan_group(group.model_copy(update={"attribute_key": key}))
    except DefinitionError as error:
        return error.problems
    return []
