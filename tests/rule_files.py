"""Reads one file of tests/rules: a group, a timeline of events and reads, and what each read must show."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

import rule_notation as notation
from rule_notation import Json, NotationError
from snowmelt.cli.members import unknown_members
from snowmelt.definitions import AttributeGroup
from snowmelt.definitions.problems import problems_of
from snowmelt.definitions.rules import check_group, check_key

T = TypeVar("T")

FOLDER = Path(__file__).parent / "rules"
NEEDED = ("title", "rule", "section", "attributes", "timeline")
OPTIONAL = ("key", "ttl", "date", "rejected", "refused_keys")
SOME_DAY = "2024-03-05"

_STEP = re.compile(r"(?P<what>event|read) (?P<time>[\d: .-]+?)( for (?P<whom>.+))?", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One line of the timeline.

    Args:
        place: for messages.
        at: ms since the epoch: when the engine meets the event, or when the values are read.
        event: the event's JSON form, unless it is a read.
        identifier: whose values are read.
        expected: attribute to value, in a read.
    """

    place: str
    at: int
    event: Json | None = None
    identifier: str = ""
    expected: Json = field(default_factory=dict)


@dataclass(frozen=True)
class RuleFile:
    """What a file says: ``rejected`` maps attributes to how many values could not serve them."""

    title: str
    rule: str
    section: str
    group: AttributeGroup
    wire: list[Json]
    steps: list[Step]
    rejected: dict[str, int]
    refused_keys: int


def read_rule(text: str) -> RuleFile:
    """What a file of this text says.

    Raises:
        NotationError: what is wrong with it and where; a slip never makes a file that checks nothing.
    """
    content = notation.load(text)
    if not isinstance(content, dict):
        raise NotationError("a rule is a mapping of title, rule, section, attributes and timeline")
    only(content, (*NEEDED, *OPTIONAL), "a rule")
    if missing := [name for name in NEEDED if not content.get(name)]:
        raise NotationError(f"there is no {', '.join(missing)}")
    wire = [
        placed(f"attribute `{name}`", notation.attribute, name, written)
        for name, written in content["attributes"].items()
    ]
    group = _group(content, wire)
    steps = list(_steps(content["timeline"], content.get("date", SOME_DAY)))
    names = [attribute["name"] for attribute in wire]
    _check_steps(steps, names)
    rejected = content.get("rejected", {})
    only(rejected, names, "`rejected`")
    return RuleFile(
        content["title"],
        content["rule"],
        content["section"],
        group,
        wire,
        steps,
        rejected,
        content.get("refused_keys", 0),
    )


def placed(place: str, function: Callable[..., T], *arguments: Any) -> T:
    """What a function gives; its errors say where."""
    try:
        return function(*arguments)
    except NotationError as error:
        raise NotationError(f"{place}: {error}") from error


def only(members: Json, allowed: tuple[str, ...] | list[str], what: str) -> None:
    """Refuse members that are not allowed."""
    for name in members:
        if name not in allowed:
            close = get_close_matches(str(name), allowed, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there is {', '.join(allowed)}"
            raise NotationError(f"{what} has no `{name}`; {hint}")


def _group(content: Json, wire: list[Json]) -> AttributeGroup:
    """The group, with nothing in it that the registry would refuse or overlook."""
    members = {
        "name": "rule",
        "owner": "rules@example.com",
        "is_published": True,
        "attribute_key": placed("key", notation.key, content.get("key", "user_id")),
        "attributes": wire,
        **({"ttl": content["ttl"]} if "ttl" in content else {}),
    }
    problems = unknown_members(members, AttributeGroup)
    try:
        group = AttributeGroup.model_validate(members)
    except ValidationError as error:
        problems += problems_of(error)
    else:
        problems += check_group(group)
        problems += [problem.under("attribute_key") for problem in check_key(group.attribute_key)]
    if problems:
        raise NotationError("the definition is wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
    return group


def _steps(timeline: list[Any], date: str) -> Iterator[Step]:
    events = 0
    for written in timeline:
        if not isinstance(written, dict) or len(written) != 1:
            raise NotationError(f"`{written}` is no step such as `event 12:00: {{page_urlpath: /}}`")
        ((words, members),) = written.items()
        place = f"`{words}`"
        match = _STEP.fullmatch(str(words))
        if match is None or (match["what"] == "event" and match["whom"]):
            raise NotationError(f"{place} is no step: write `event 12:00`, `read 12:00` or `read 12:00 for ann`")
        at = placed(place, notation.timestamp, match["time"], date)
        if match["what"] == "event":
            events += 1
            event = placed(place, notation.event, events, at, members, date)
            yield Step(str(words), notation.milliseconds(at), event)
            continue
        if not isinstance(members, dict) or not members:
            raise NotationError(f"{place}: a read is a mapping of attributes to the values that they must have")
        identifier = "u"
        if whom := match["whom"]:
            loaded = notation.load(whom)
            identifier = loaded if isinstance(loaded, str) else whom
        yield Step(str(words), notation.milliseconds(at), None, identifier, members)


def _check_steps(steps: list[Step], names: list[str]) -> None:
    """A timeline runs forward, each of its events is read, and each attribute is asked for."""
    reads = [step for step in steps if step.event is None]
    if not reads:
        raise NotationError("there is no read, so nothing is checked")
    if steps[-1].event is not None:
        raise NotationError(f"no read follows `{steps[-1].place}`")
    for earlier, later in pairwise(steps):
        if later.at < earlier.at:
            raise NotationError(f"`{later.place}` stands after `{earlier.place}`, but is earlier")
    for step in reads:
        placed(f"`{step.place}`", only, step.expected, names, "the group")
    for name in names:
        shown = [step.expected[name] for step in reads if name in step.expected]
        if not shown:
            raise NotationError(f"no read expects anything of `{name}`")
    if all(value is None for step in reads for value in step.expected.values()):
        raise NotationError("every expected value is null: an engine that does nothing would pass")


def as_json(value: Any) -> str:
    """A value so that 1, 1.0, "1" and true differ, and the order of members counts."""
    return json.dumps(value, ensure_ascii=False)
