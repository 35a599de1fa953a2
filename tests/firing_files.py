"""Reads one file of tests/firings: groups, interventions, and a timeline of events and of what each makes fire."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

import rule_notation as notation
from rule_files import SOME_DAY, only, placed
from rule_notation import Json, NotationError
from snowmelt.cli.members import unknown_members
from snowmelt.definitions import AttributeGroup, RuleIntervention
from snowmelt.definitions.enums import RuleOperator
from snowmelt.definitions.problems import Problem, problems_of
from snowmelt.definitions.rules import check_group, check_intervention

FOLDER = Path(__file__).parent / "firings"
NEEDED = ("title", "rule", "groups", "interventions", "timeline")
OPTIONAL = ("always", "date")
OWNED = {"version": 1, "owner": "rules@example.com", "is_published": True}

_STEP = re.compile(r"(?P<what>event|until) (?P<time>[\d: .-]+?)( x(?P<times>\d+))?")
_FIRES = re.compile(r"fires (?P<name>\w+)")
# Longer words first, so that `<=` is not read as `<` and a value that begins with `=`.
_OPERATORS = "|".join(sorted(map(re.escape, get_args(RuleOperator)), key=len, reverse=True))
_CRITERION = re.compile(rf"(?P<attribute>\w+:\w+) (?P<operator>{_OPERATORS})( (?P<value>.+))?", re.DOTALL)


@dataclass(frozen=True)
class Fires:
    """What must fire.

    Args:
        name: of the intervention.
        targets: identifier by attribute key, for all that it goes to.
        sent: the values that are sent along, as subscribers read them; not looked at if ``None``.
    """

    name: str
    targets: dict[str, str]
    sent: dict[str, str] | None


@dataclass(frozen=True)
class Step:
    """One line of the timeline that makes something happen.

    Args:
        place: for messages.
        at: ms since the epoch: when the last event comes, or up to when time passes.
        events: their JSON forms; none if only time passes.
        fires: what must fire by it.
    """

    place: str
    at: int
    events: list[Json]
    fires: list[Fires] = field(default_factory=list)


@dataclass(frozen=True)
class FiringFile:
    """What a file says."""

    title: str
    rule: str
    groups: list[Json]
    interventions: list[Json]
    steps: list[Step]


def read_firings(text: str) -> FiringFile:
    """What a file of this text says.

    Raises:
        NotationError: what is wrong with it and where; a slip never makes a file that checks nothing.
    """
    content = notation.load(text)
    if not isinstance(content, dict):
        raise NotationError("a file is a mapping of title, rule, groups, interventions and timeline")
    only(content, (*NEEDED, *OPTIONAL), "a file")
    if missing := [name for name in NEEDED if not content.get(name)]:
        raise NotationError(f"there is no {', '.join(missing)}")
    groups = [placed(f"group `{name}`", _group, name, written) for name, written in content["groups"].items()]
    rules = [
        placed(f"intervention `{name}`", _intervention, name, written, groups)
        for name, written in content["interventions"].items()
    ]
    steps = list(_steps(content["timeline"], content.get("always", {}), content.get("date", SOME_DAY)))
    _check_steps(steps, [rule["name"] for rule in rules])
    return FiringFile(content["title"], content["rule"], groups, rules, steps)


def _group(name: str, written: Json) -> Json:
    only(written, ("key", "ttl", "attributes"), "a group")
    attributes = [
        placed(f"attribute `{attribute}`", notation.attribute, attribute, members)
        for attribute, members in written["attributes"].items()
    ]
    ttl = {"ttl": written["ttl"]} if "ttl" in written else {}
    wire = {"name": name, **OWNED, "attribute_key": notation.key(written["key"]), "attributes": attributes, **ttl}
    _refuse(unknown_members(wire, AttributeGroup))
    _refuse(check_group(_valid(AttributeGroup, wire)))
    return wire


def _intervention(name: str, written: Json, groups: list[Json]) -> Json:
    only(written, ("targets", "criteria", "send"), "an intervention")
    wire = {
        "name": name,
        **OWNED,
        "criteria": _criteria(written.get("criteria")),
        "target_attribute_keys": [{"name": key} for key in written.get("targets", [])],
        "payload_attribute_groups": [{"name": group, "version": 1} for group in written.get("send", [])],
    }
    known = [_valid(AttributeGroup, group) for group in groups]
    _refuse(check_intervention(_valid(RuleIntervention, wire), known))
    return wire


def _criteria(written: Any) -> Json:
    if isinstance(written, dict):
        return {side: [_criteria(part) for part in parts] for side, parts in written.items()}
    match = _CRITERION.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise NotationError(f"`{written}` is no criterion such as `pages:views > 5`")
    value = {} if match["value"] is None else {"value": notation.load(match["value"])}
    return {"attribute": match["attribute"], "operator": match["operator"], **value}


def _valid(model: Any, wire: Json) -> Any:
    try:
        return model.model_validate(wire)
    except ValidationError as error:
        _refuse(problems_of(error))


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise NotationError("the definition is wrong:\n" + "\n".join(f"  {problem}" for problem in problems))


def _steps(timeline: list[Any], always: Json, date: str) -> Iterator[Step]:
    step, count = None, 0
    for written in timeline:
        words, members = next(iter(written.items())) if isinstance(written, dict) else (written, {})
        if fires := _FIRES.fullmatch(str(words)):
            if step is None or not isinstance(members, dict) or not members:
                raise NotationError(f"`{words}` stands after what makes it fire, and says to whom it goes")
            targets = {key: identifier for key, identifier in members.items() if key != "with"}
            step.fires.append(Fires(fires["name"], targets, members.get("with")))
            continue
        match = _STEP.fullmatch(str(words))
        if match is None or (match["what"] == "until" and (match["times"] or members)):
            raise NotationError(
                f"`{words}` is no step: write `event 12:00`, `event 12:00 x5`, `until 12:00` or `fires`"
            )
        if step is not None:
            yield step
        text = placed(f"`{words}`", notation.timestamp, match["time"], date)
        at, events = notation.milliseconds(text), []
        if match["what"] == "event":
            for number in range(int(match["times"] or 1)):
                count += 1
                moment = notation.later(text, number)
                at = notation.milliseconds(moment)
                events.append(placed(f"`{words}`", notation.event, count, moment, always | members, date))
        step = Step(str(words), at, events)
    if step is not None:
        yield step


def _check_steps(steps: list[Step], names: list[str]) -> None:
    """A timeline runs forward, and each intervention fires at some time."""
    for earlier, later in pairwise(steps):
        if later.at < earlier.at:
            raise NotationError(f"`{later.place}` stands after `{earlier.place}`, but is earlier")
    fired = [fires.name for step in steps for fires in step.fires]
    only(dict.fromkeys(fired), names, "the file")
    for name in names:
        if name not in fired:
            raise NotationError(f"`{name}` never fires, so an engine that does nothing would pass")
