"""Interventions by example: the engine, on real stores, and the oracle both fire what each file says."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

import firing_oracle
from firing_files import FOLDER, Fires, FiringFile, Step, read_firings
from machine import Machine
from rule_notation import NotationError
from snowmelt.definitions import AttributeKey
from snowmelt.definitions.wire.delivery import attribute_text
from snowmelt.runtimes.engine import SETTLE_MS

FILES = sorted(FOLDER.glob("*.yaml"))


class Engine:
    """An engine that has a file's definitions, and is started anew after each step."""

    def __init__(self, folder: Path, file: FiringFile) -> None:
        folder.mkdir()
        self._machine, self._place = Machine(folder), 0
        self._machine.now = file.steps[0].at
        first = len(file.groups) + 1
        groups = dict(enumerate(file.groups, 1))
        self._machine.define(1, groups, rules=dict(enumerate(file.interventions, first)))

    def take(self, step: Step) -> Iterator[Fires]:
        """What fires by a step."""
        machine = self._machine
        if step.events:
            machine.now = step.at
            machine.insert(*map(msgspec.json.encode, step.events))
        else:
            machine.now = step.at + SETTLE_MS
        machine.run()
        machine.restart()
        for one in machine.outbox.read(self._place):
            sent = msgspec.json.decode(one.payload)
            self._place = one.place
            yield Fires(sent["name"], dict(one.targets), sent["attributes"])

    def close(self) -> None:
        self._machine.close()


def together(steps: list[Step]) -> list[Step]:
    """The same with all events in one batch, as far as no time passes without events."""
    joined = []
    for is_event, group in groupby(steps, lambda step: bool(step.events)):
        several = list(group)
        if is_event:
            events, fires = [[one for step in several for one in part(step)] for part in (_events, _fires)]
            joined.append(Step(f"everything up to {several[-1].place}", several[-1].at, events, fires))
        else:
            joined += several
    return joined


def _events(step: Step) -> list[Any]:
    return step.events


def _fires(step: Step) -> list[Any]:
    return step.fires


def judged(file: FiringFile) -> list[Fires]:
    """What the oracle lets fire by all events together; it knows nothing of time that passes without events."""
    names = {key["name"] for rule in file.interventions for key in rule["target_attribute_keys"]}
    found = {name: AttributeKey(name=name).key_property() for name in names}
    keys = {name: one.model_dump() for name, one in found.items() if one is not None}
    events = [event for step in file.steps for event in step.events]
    fired = firing_oracle.firings(firing_oracle.Judge(file.groups), file.interventions, keys, events)
    return [
        Fires(
            name,
            dict(targets),
            {attribute: text for attribute, value in sent.items() if (text := attribute_text(value)) is not None},
        )
        for name, targets, sent, _ in fired
    ]


def differences(file: FiringFile, folder: Path) -> Iterator[str]:
    """Everything in which engine or oracle differ from the file, a line each."""
    for delivery, steps in {"one by one": file.steps, "together": together(file.steps)}.items():
        engine = Engine(folder / delivery.replace(" ", "-"), file)
        for step in steps:
            yield from compared(f"{step.place}, the engine ({delivery})", step.fires, list(engine.take(step)))
        engine.close()
    if all(step.events for step in file.steps):
        yield from compared("the oracle", [fires for step in file.steps for fires in step.fires], judged(file))


def compared(who: str, said: list[Fires], found: list[Fires]) -> Iterator[str]:
    # Where the file does not say what is sent along, nothing is asked of it.
    asked = [one.sent is not None for one in said] + [True] * len(found)
    shown = [Fires(one.name, one.targets, one.sent if sent else None) for one, sent in zip(found, asked, strict=False)]
    if said != shown:
        yield f"{who}: the file says {said}, and there fires {found}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_fires_is_what_the_file_says(path: Path, tmp_path: Path) -> None:
    try:
        file = read_firings(path.read_text())
    except NotationError as error:
        pytest.fail(f"{path.name}: {error}")
    found = list(differences(file, tmp_path))
    assert not found, "\n".join([f"{path.name}: {file.title}", *found])


def test_the_example_of_the_notation_is_true(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert example is not None
    assert list(differences(read_firings(example[1]), tmp_path)) == []


FILE = """\
title: A second view
rule: It fires once.
groups:
  pages: {key: user_id, attributes: {views: {aggregation: counter}}}
interventions:
  hello: {targets: [user_id], criteria: pages:views > 1}
timeline:
  - event 12:00: {}
  - event 12:01: {}
  - fires hello: {user_id: u, with: {pages:views: "2"}}
  - event 12:02: {}
"""


def test_a_file_that_is_true_has_no_differences(tmp_path: Path) -> None:
    assert list(differences(read_firings(FILE), tmp_path)) == []


@pytest.mark.parametrize(
    ("part", "slip", "message"),
    [
        ("title: A second view\n", "", "there is no title"),
        ("timeline:", "timelnie:", "did you mean `timeline`"),
        ("key: user_id", "keys: user_id", "did you mean `key`"),
        ("aggregation: counter", "aggregation: count", "group `pages`: the definition is wrong"),
        ("pages:views > 1", "views > 1", "`views > 1` is no criterion"),
        ("pages:views > 1", "pages:clicks > 1", "intervention `hello`: the definition is wrong"),
        ("pages:views > 1", "{any: [pages:views changed]}", "`changed` stands alone or inside `all`"),
        ("event 12:01:", "events 12:01:", "`events 12:01` is no step"),
        ("event 12:01:", "event 12:03:", "`event 12:02` stands after `event 12:03`, but is earlier"),
        ("event 12:01: {}", "until 12:01: {}\n  - until 12:01: {user_id: u}", "`until 12:01` is no step"),
        ('{user_id: u, with: {pages:views: "2"}}', "{}", "says to whom it goes"),
        ("  - event 12:00: {}\n  - event 12:01: {}\n", "", "`fires hello` stands after what makes it fire"),
        ("fires hello", "fires helo", "did you mean `hello`"),
        ('  - fires hello: {user_id: u, with: {pages:views: "2"}}\n', "", "`hello` never fires"),
    ],
)
def test_a_slip_in_a_file_is_told(part: str, slip: str, message: str) -> None:
    assert part in FILE
    with pytest.raises(NotationError, match=re.escape(message)):
        read_firings(FILE.replace(part, slip, 1))


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ('"2"', '"3"'),
        ("user_id: u,", "user_id: v,"),
        ("  - event 12:02: {}", "  - event 12:02: {}\n  - fires hello: {user_id: u}"),
        ("  - event 12:02: {}", "  - event 12:02 x2: {user_id: v}"),
    ],
)
def test_a_wrong_firing_in_a_file_is_told(part: str, other: str, tmp_path: Path) -> None:
    assert part in FILE
    found = "\n".join(differences(read_firings(FILE.replace(part, other, 1)), tmp_path))
    assert all(who in found for who in ("(one by one)", "(together)", "the oracle"))


def test_a_firing_in_a_wrong_place_is_told(tmp_path: Path) -> None:
    found = list(differences(read_firings(FILE.replace("  - event 12:01: {}\n", "")), tmp_path))
    assert [one.split(":")[0] for one in found] == ["event 12", "event 12"]
    assert all("(one by one)" in one for one in found), "all together it is the same"
