"""The rules of docs/semantics.md by example: the engine and the oracle both give what each file says."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

import oracle
from rule_files import FOLDER, RuleFile, Step, as_json, read_rule
from rule_notation import Json, NotationError
from snowmelt.compute import state
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import compile_program
from snowmelt.compute.reader import GroupReader
from snowmelt.compute.seen_events import SeenEvents

FILES = sorted(FOLDER.glob("*.yaml"))
SEMANTICS = FOLDER.parents[1] / "docs" / "semantics.md"

Batches = Callable[[list[Step]], list[list[Step]]]
DELIVERIES: dict[str, Batches] = {
    "one by one": lambda steps: [[step] for step in steps],
    "in one batch": lambda steps: [steps],
    "in one batch, backwards": lambda steps: [steps[::-1]],
}
"""How the events between two reads reach the engine."""


class Engine:
    """A group's profiles, which only live as bytes between batches, as if the server restarted each time."""

    def __init__(self, rule: RuleFile) -> None:
        self._program = compile_program([(1, rule.group)])
        self._reader = GroupReader(rule.group)
        self._stored: dict[str, bytes] = {}
        self._ids = b""
        self.rejected: Counter[str] = Counter()
        self.refused_keys = 0

    def _load(self, key: str) -> list[Any] | None:
        return state.decode(self._stored[key]) if key in self._stored else None

    def apply(self, batch: list[Step]) -> None:
        profiles = Profiles(len(self._reader.names), self._load)
        seen = SeenEvents(horizon_ms=86_400_000)
        seen.restore(0, self._ids)
        lines = [msgspec.json.encode(step.event) for step in batch]
        tally = self._program.apply(lines, {1: profiles}, max(step.at for step in batch), seen)
        assert not tally.errors and not tally.unreadable
        self._ids += seen.take_fresh()
        self._stored |= {key: state.encode(profile) for key, profile in profiles.items()}
        self.rejected.update({self._reader.names[slot - 1]: count for (_, slot), count in tally.rejected.items()})
        self.refused_keys += profiles.refused

    def read(self, identifier: str, now: int) -> Json:
        values = self._reader.read(self._stored.get(identifier), now)
        return dict(zip(self._reader.names, values, strict=True))


def judged(rule: RuleFile, met: list[Step], read: Step) -> Json:
    """What the oracle says to a read, of all events that were met before it."""
    key = rule.group.attribute_key
    key_property = key.key_property()
    assert key_property is not None
    events = oracle.counted_once([{**(step.event or {}), "met_at": step.at} for step in met])
    values = {}
    for attribute, model in zip(rule.wire, rule.group.attributes or [], strict=True):
        lasting = {"period_ms": ms(model.period), "ttl_ms": ms(model.ttl or rule.group.ttl or key.ttl)}
        described = {"key_property": key_property.model_dump()}
        values[model.name] = oracle.value_of(events, described, attribute | lasting, read.identifier, read.at)
    return values


def ms(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // timedelta(milliseconds=1)


def differences(rule: RuleFile) -> Iterable[str]:
    """Everything in which engine or oracle differ from the file, a line each."""
    for delivery, batches in DELIVERIES.items():
        engine = Engine(rule)
        met: list[Step] = []
        for is_event, group in groupby(rule.steps, lambda step: step.event is not None):
            steps = list(group)
            if is_event:
                met += steps
                for batch in batches(steps):
                    engine.apply(batch)
                continue
            for step in steps:
                found = {f"the engine ({delivery})": engine.read(step.identifier, step.at)}
                found["the oracle"] = judged(rule, met, step)
                for who, values in found.items():
                    for name, value in step.expected.items():
                        if as_json(values[name]) != as_json(value):
                            said = f"the file says {as_json(value)}, {who} says {as_json(values[name])}"
                            yield f"{step.place}: {name}: {said}"
        if engine.rejected != Counter(rule.rejected):
            yield f"rejected ({delivery}): the file says {rule.rejected}, the engine {dict(engine.rejected)}"
        if engine.refused_keys != rule.refused_keys:
            yield f"refused_keys ({delivery}): the file says {rule.refused_keys}, the engine {engine.refused_keys}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_values_are_those_of_the_file(path: Path) -> None:
    try:
        rule = read_rule(path.read_text())
    except NotationError as error:
        pytest.fail(f"{path.name}: {error}")
    found = list(dict.fromkeys(differences(rule)))
    assert not found, "\n".join([f"{path.name}: {rule.title}", *found])


def test_files_name_the_sections_of_the_semantics() -> None:
    headings = re.findall(r"^## (.+)$", SEMANTICS.read_text(), re.MULTILINE)
    rules = {path: read_rule(path.read_text()) for path in FILES}
    assert {path.name: rule.section for path, rule in rules.items() if rule.section not in headings} == {}
    misplaced = [path.name for path, rule in rules.items() if not path.name.startswith(f"{rule.section[0]}-")]
    assert not misplaced, "a file's name begins with the number of its section"
    assert {rule.section for rule in rules.values()} == set(headings[:7])
    titles = Counter(rule.title for rule in rules.values())
    assert [title for title, count in titles.items() if count > 1] == []


def test_the_example_of_the_notation_is_a_rule() -> None:
    example = re.search(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert example is not None
    assert list(differences(read_rule(example[1]))) == []


RULE = """\
title: Pages are counted
rule: A counter counts events.
section: 4. Aggregations
attributes:
  views: {aggregation: counter, criteria: {all: [se_value > 5]}}
  page: {aggregation: last, property: search.term}
timeline:
  - event 12:00: {se_value: 6, search: {term: boots}}
  - event 12:01: {se_value: 5}
  - read 12:02: {views: 1, page: boots}
  - read 12:02 for ann: {views: null}
"""


def test_a_rule_that_holds_has_no_differences() -> None:
    assert list(differences(read_rule(RULE))) == []


@pytest.mark.parametrize(
    ("part", "slip", "message"),
    [
        ("title: Pages are counted\n", "", "there is no title"),
        ("section:", "sectoin:", "did you mean `section`"),
        ("timeline:\n", "timeline: []\nold:\n", "no `old`"),
        ("aggregation: counter", "agregation: counter", "did you mean `aggregation`"),
        ("aggregation: counter", "aggregation: count", "attributes.0.aggregation"),
        ("aggregation: counter", "aggregation: counter, type: string", "`counter` gives no `string`"),
        ("aggregation: counter", "aggregation: counter, period: 1 hour", "attributes.0.period"),
        ("aggregation: counter", "aggregation: counter, events: page_view", "attribute `views`: `events` is a list"),
        ("criteria: {all:", "criteria: {al:", "did you mean `all`"),
        ("se_value > 5]", "se_valeu > 5]", "`se_valeu` is no property"),
        ("se_value > 5]", "se_value is 5]", "is no criterion"),
        ("se_value > 5]", "se_value like 5]", "`like` needs a text"),
        ("property: search.term", "property: serach.term", "attribute `page`: `serach.term` is no property"),
        ("  page: {", "  views: {", "line 6: `views` stands here twice"),
        ("search: {term: boots}", "serach: {term: boots}", "`event 12:00`: no event has a member `serach`"),
        ("event 12:01:", "events 12:01:", "`events 12:01` is no step"),
        ("event 12:01:", "event 12:1:", "is no time"),
        ("event 12:01:", "event 12:03:", "`read 12:02` stands after `event 12:03`, but is earlier"),
        ("event 12:01: {se_value: 5}", "event 12:01:", "an event is a mapping"),
        ("views: 1, page: boots", "view: 1, page: boots", "did you mean `views`"),
        ("views: 1, page: boots", "views: 1", "no read expects anything of `page`"),
        ("{views: 1, page: boots}", "{views: null, page: null}", "would pass"),
        ("  - read 12:02 for ann: {views: null}", "  - event 12:02: {}", "no read follows"),
        ("  - read 12:02: {views: 1, page: boots}\n  - read 12:02 for ann: {views: null}\n", "", "there is no read"),
        ("  - read 12:02: {views: 1, page: boots}", "  - read 12:02: {}", "a read is a mapping"),
        ("section:", "rejected: {vews: 1}\nsection:", "did you mean `views`"),
        ("section:", "key: basket\nsection:", "nothing says what identifies a `basket`"),
        ("  - event 12:01: {", "  - event 12:01: [", "not YAML"),
    ],
)
def test_a_slip_in_a_file_is_told(part: str, slip: str, message: str) -> None:
    assert part in RULE
    with pytest.raises(NotationError, match=re.escape(message)):
        read_rule(RULE.replace(part, slip, 1))


@pytest.mark.parametrize(
    ("part", "other", "message"),
    [
        ("views: 1,", "views: 2,", "read 12:02: views: the file says 2, the engine (one by one) says 1"),
        ("views: 1,", "views: 1.0,", "the oracle says 1"),
        ("page: boots}", 'page: "7"}', 'page: the file says "7", the engine (in one batch, backwards) says "boots"'),
        ("section:", "rejected: {page: 1}\nsection:", "rejected (in one batch): the file says {'page': 1}"),
        ("section:", "refused_keys: 1\nsection:", "refused_keys (one by one): the file says 1, the engine 0"),
    ],
)
def test_a_wrong_value_in_a_file_is_told(part: str, other: str, message: str) -> None:
    assert message in "\n".join(differences(read_rule(RULE.replace(part, other, 1))))
