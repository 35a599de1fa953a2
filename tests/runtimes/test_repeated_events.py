"""An event that is sent again counts once: across requests, commits, deaths and refused commits, within the horizon."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from machine import MB, Machine, group, page_view, request
from snowmelt.stores import profiles as profiles_module
from snowmelt.stores import seen_rows
from snowmelt.stores.errors import StoreFullError
from snowmelt.stores.profiles import ProfileStore

HOUR = 3_600_000


def line(event_id: Any, user: str = "u") -> bytes:
    return msgspec.json.encode({"event_id": event_id, "user_id": user})


def event_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


@pytest.fixture
def machine(make_machine: Callable[..., Machine]) -> Machine:
    made = make_machine()
    made.define(1, {1: group()})
    return made


def test_a_request_that_is_sent_again_counts_once(machine: Machine) -> None:
    again = request(page_view("u", eid=event_id(1)), page_view("u", eid=event_id(2)))
    for _ in range(3):
        machine.append(again)
    machine.append(request(page_view("u", eid=event_id(2).upper()), page_view("u", eid=event_id(3))))
    machine.run()
    assert machine.value(1, "u") == 3
    statistics = machine.engine.statistics
    assert (statistics.payloads, statistics.events, statistics.repeated, statistics.seen) == (4, 3, 5, 3)


def test_events_without_an_id_all_count(machine: Machine) -> None:
    machine.insert(b'{"user_id": "u"}', line(None), line(""), line(7), b'{"user_id": "u"}', line(7))
    machine.run()
    assert machine.value(1, "u") == 6


def test_many_at_once_and_some_of_them_again(machine: Machine) -> None:
    ids = [event_id(number) for number in range(3_000)]
    machine.insert(*map(line, ids[:2_000]))
    machine.insert(*map(line, ids[1_990:]), line(ids[0]))
    machine.run()
    machine.insert(*map(line, ids))
    machine.run()
    assert machine.value(1, "u") == 3_000
    assert machine.engine.statistics.repeated == 3_011


def test_an_id_is_known_after_a_restart_and_until_the_horizon(machine: Machine) -> None:
    machine.insert(line("a"))
    machine.run()
    for hours in (1, 22):
        machine.now += hours * HOUR
        machine.restart()
        machine.insert(line("a"))
        machine.run()
        assert machine.value(1, "u") == 1
    machine.now += 26 * HOUR
    machine.restart()
    machine.insert(line("a"))
    machine.run()
    assert machine.value(1, "u") == 2
    assert machine.engine.statistics.seen_since == machine.now


def test_a_step_that_was_not_committed_leaves_no_ids(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.insert(line("a"))
    machine.run()
    machine.insert(line("a"), line("b"), *(line(event_id(number)) for number in range(100)))

    def refuse(*nothing: object) -> None:
        raise StoreFullError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(profiles_module.Commit, "__exit__", refuse)
        for _ in range(2):
            with pytest.raises(StoreFullError):
                machine.engine.step()
    machine.run()
    assert machine.value(1, "u") == 102
    assert machine.engine.statistics.repeated == 1


def test_a_group_does_not_count_an_event_that_came_before_it_was_published(machine: Machine) -> None:
    machine.insert(line("a"))
    machine.define(2, {1: group(), 2: group("two")})
    machine.insert(line("a"), line("b"))
    machine.run()
    assert (machine.value(1, "u"), machine.value(2, "u")) == (2, 1)


def test_it_can_be_switched_off(make_machine: Callable[..., Machine]) -> None:
    machine = make_machine(duplicate_hours=0)
    machine.define(1, {1: group()})
    machine.insert(line("a"), line("a"))
    machine.run()
    assert machine.value(1, "u") == 2


def test_what_is_remembered_is_bounded(make_machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_rows, "_DROPPED", 2)
    machine = make_machine(remembered_events=100)
    machine.define(1, {1: group()})
    with capture_logs() as logged:
        for first in range(0, 1_000, 40):
            machine.insert(*(line(event_id(number)) for number in range(first, first + 40)))
            machine.run()
            assert machine.engine.statistics.seen <= 160
    assert any("engine.remembered_events" in entry["event"] for entry in logged)
    machine.restart()
    machine.insert(*(line(event_id(number)) for number in range(960, 1_000)))
    machine.run()
    assert machine.value(1, "u") == 1_000
    assert len(machine.store.seen()) <= 2


generations = st.lists(
    st.tuples(st.integers(1, 4), st.lists(st.integers(1, 2**64 - 1), max_size=300)), max_size=12
).map(lambda drawn: sorted(drawn, key=lambda pair: pair[0]))


@given(generations, st.integers(0, 5))
def test_rows_hold_what_was_put_into_them(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, list[int]]], oldest: int
) -> None:
    store = ProfileStore(tmp_path_factory.mktemp("store"), 16 * MB)
    expected: dict[int, bytes] = {}
    for started, numbers in drawn:
        ids = b"".join(number.to_bytes(8, "little") for number in numbers)
        with store.commit() as commit:
            commit.remember(started, ids, oldest=0)
            commit.position = store.position + 1
        if ids:
            expected[started] = expected.get(started, b"") + ids
    assert store.seen() == sorted(expected.items())[-2:]
    with store.commit() as commit:
        commit.remember(4, b"", oldest)
        commit.statistics = b"{}"
    assert store.seen() == sorted((started, ids) for started, ids in expected.items() if started >= oldest)[-2:]
    assert store.state_ids() == []
    store.close()
