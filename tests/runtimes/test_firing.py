"""Interventions that fire in the engine: sent once, whatever dies and whenever."""

import shutil
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest

from machine import NOW, Machine, attribute, group, rule
from snowmelt.stores.errors import StoreFullError
from snowmelt.stores.mailbox import Note
from snowmelt.stores.outbox import NEWS, Delivery, Outbox


def test_it_fires_for_each_user_once(machine: Machine) -> None:
    machine.define(1, {1: group()}, rules={2: rule()})
    for users in (("u",), ("u", "v"), ("u", "u", "v"), ("v",)):
        machine.track(*users)
        machine.run()
    assert machine.sent() == [("hello", "u"), ("hello", "v")]
    assert machine.engine.statistics.fired == {"hello_v1": 2}
    first = machine.outbox.read(0)[0]
    assert first.targets == (("user_id", "u"),)
    sent = msgspec.json.decode(first.payload)
    assert UUID(sent.pop("intervention_id")) == first.id
    assert sent == {"name": "hello", "version": 1, "attributes": {"g:n": "2"}}


def test_whoever_has_subscribers_is_told(machine: Machine) -> None:
    mailbox = machine.mailboxes.own(1)
    machine.define(1, {1: group()}, rules={2: rule()})
    machine.track("u")
    machine.run()
    assert mailbox.take() == []
    machine.track("u")
    machine.run()
    assert mailbox.take() == [Note(NEWS.kind)]
    mailbox.close()


def test_it_is_judged_by_definitions_at_their_place(machine: Machine) -> None:
    machine.define(1, {1: group()})
    machine.track("u", "u")
    machine.define(2, {1: group()}, rules={2: rule()})
    machine.track("u", "v")
    machine.track("v")
    machine.run()
    # Of u it held already when the rule came.
    assert machine.sent() == [("hello", "v")]


def test_for_whom_it_has_fired_is_known_while_it_is_not_published(machine: Machine) -> None:
    machine.define(1, {1: group()}, rules={2: rule()})
    machine.track("u", "u", "v")
    machine.define(2, {1: group()}, resting=(2,))
    machine.track("v")
    machine.run()
    machine.define(3, {1: group()}, rules={2: rule()})
    machine.track("u", "v", "w")
    machine.track("w")
    machine.run()
    # Of v it came to hold while nobody looked.
    assert machine.sent() == [("hello", "u"), ("hello", "w")]


def test_what_was_remembered_of_one_that_is_deleted_is_gone(machine: Machine) -> None:
    machine.define(1, {1: group()}, rules={2: rule()})
    machine.track("u", "u")
    machine.define(2, {1: group()})
    machine.run()
    assert machine.store.state_ids() == [1]
    bound = rule(criteria={"attribute": "g:n", "operator": ">", "value": 2})
    machine.define(3, {1: group()}, rules={3: bound})
    machine.track("u")
    machine.run()
    assert machine.sent() == [("hello", "u"), ("hello", "u")]


def test_a_rule_that_cannot_be_judged_does_not_stop_the_others(machine: Machine) -> None:
    strange = rule("strange", {"attribute": "gone:n", "operator": ">", "value": 1})
    machine.define(1, {1: group()}, rules={2: strange, 3: rule()})
    machine.track("u", "u")
    machine.run()
    assert machine.sent() == [("hello", "u")]


def test_every_change_fires(machine: Machine) -> None:
    last = attribute(
        name="path", type="string", aggregation="last", property={"type": "atomic", "name": "page_urlpath"}
    )
    changed = rule(criteria={"attribute": "g:path", "operator": "changed"})
    machine.define(1, {1: group("g", last)}, rules={2: changed})
    for path in ("a", "a", "b", "a"):
        machine.insert(event(f'"page_urlpath": "{path}"'))
        machine.run()
    sent = [msgspec.json.decode(one.payload)["attributes"] for one in machine.outbox.read(0)]
    assert sent == [{"g:path": "a"}, {"g:path": "b"}, {"g:path": "a"}]
    assert len({one.id for one in machine.outbox.read(0)}) == 3


counter = iter(range(1_000_000))


def event(members: str) -> bytes:
    number = next(counter)
    stamp = f"2026-01-01T00:00:{number % 60:02d}.000Z"
    return f'{{"user_id": "u", "event_id": "x{number}", "collector_tstamp": "{stamp}", {members}}}'.encode()


# Deaths


@pytest.fixture
def at_work(machine: Machine) -> Machine:
    machine.define(1, {1: group()}, rules={2: rule()})
    machine.track("u", "v")
    machine.run()
    return machine


class Death(BaseException):
    """Nobody catches it."""


@pytest.mark.parametrize("when", ["before the outbox", "after the outbox"])
def test_a_death_between_the_stores_neither_loses_nor_repeats(
    at_work: Machine, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    append = Outbox.append

    def dies(self: Outbox, *arguments: Any) -> int:
        if when == "after the outbox":
            append(self, *arguments)
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "append", dies)
        at_work.track("u")
        with pytest.raises(Death):
            at_work.run()
    at_work.restart()
    at_work.track("v")
    at_work.run()
    assert at_work.sent() == [("hello", "u"), ("hello", "v")]


def test_what_was_sent_long_ago_is_not_sent_again(at_work: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox has forgotten it, but not how far it was."""
    append = Outbox.append

    def dies(self: Outbox, *arguments: Any) -> int:
        append(self, *arguments)
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "append", dies)
        at_work.track("u")
        with pytest.raises(Death):
            at_work.run()
    for number in range(2):
        at_work.now += 3_600_000
        at_work.outbox.append([Delivery(UUID(int=number), (("user_id", "other"),), b'{"name": "pushed"}')])
    assert ("hello", "u") not in at_work.sent()
    at_work.restart()
    at_work.run()
    assert ("hello", "u") not in at_work.sent()
    assert at_work.store.pending(10) == []


def test_a_full_outbox_holds_nothing_up_and_loses_nothing(at_work: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> int:
        raise StoreFullError("the outbox is full")

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "append", full)
        at_work.track("u")
        at_work.run()
        at_work.restart()
        at_work.track("v")
        at_work.run()
        assert (at_work.value(1, "u"), at_work.value(1, "v"), at_work.sent()) == (2, 2, [])
    at_work.run()
    assert at_work.sent() == [("hello", "u"), ("hello", "v")]


@pytest.mark.parametrize("lost", ["everything", "the last step"])
def test_after_a_power_cut_what_was_sent_is_not_sent_again(at_work: Machine, tmp_path: Any, lost: str) -> None:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    at_work.store.copy(checkpoint)
    at_work.track("u")
    at_work.run()
    at_work.die()
    profiles = at_work.store.path
    shutil.rmtree(profiles)
    if lost == "the last step":
        shutil.copytree(checkpoint, profiles)
    # More had come by then, which nobody has seen yet: it is judged in steps of its own.
    at_work.track("v", "w")
    at_work.start()
    at_work.track("w", "u")
    at_work.run()
    assert at_work.sent() == [("hello", "u"), ("hello", "v"), ("hello", "w")]
    assert at_work.store.pending(10) == []
    at_work.restart()
    at_work.track("w", "v", "u")
    at_work.run()
    assert len(at_work.sent()) == 3


def test_a_refused_commit_fires_nothing(at_work: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    step: Callable[..., None] = at_work.engine._program.apply

    def refused(*arguments: Any, **named: Any) -> None:
        step(*arguments, **named)
        raise StoreFullError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(at_work.engine._program, "apply", refused)
        at_work.track("u")
        with pytest.raises(StoreFullError):
            at_work.run()
    assert at_work.sent() == []
    at_work.run()
    assert at_work.sent() == [("hello", "u")]
    assert at_work.now == NOW
