"""Profiles whose every value has expired are dropped, and nobody can tell but by the room they took."""

from collections.abc import Callable
from typing import Any

import pytest

from machine import Machine, attribute, event_log, group, page_view, request
from snowmelt.runtimes import sweep
from snowmelt.stores import profiles as profiles_module
from snowmelt.stores.errors import StoreFullError

MINUTE = 60_000
LASTING = (attribute(name="a", period="PT10M"), attribute(name="b", aggregation="last", type="string", ttl="PT1M"))
PAGE = {"property": {"type": "atomic", "name": "page_urlpath"}}


@pytest.fixture
def machine(make_machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(sweep, "LOOKED_AT", 7)
    made = make_machine(sweep_minutes=5)
    made.define(1, {1: group("short", *(one | PAGE for one in LASTING)), 2: group("long", attribute()), 3: group("x")})
    return made


def track(machine: Machine, *users: str) -> None:
    machine.append(request(*(page_view(user, url="https://a.example/p") for user in users), timestamp=machine.now))
    machine.run()


def users(count: int) -> list[str]:
    return [f"u{number:03}" for number in range(count)]


def stored(machine: Machine, state_id: int) -> list[str]:
    return [user for user in users(50) if machine.profile(state_id, user) is not None]


def test_expired_profiles_are_dropped_and_no_others(machine: Machine) -> None:
    track(machine, *users(50))
    machine.now += 6 * MINUTE
    track(machine, *users(50)[::3])
    assert stored(machine, 1) == users(50), "a period of ten minutes has not passed"
    machine.now += 6 * MINUTE
    machine.run()
    assert stored(machine, 1) == users(50)[::3]
    assert stored(machine, 2) == users(50), "what has no end stays"
    machine.now += 30 * MINUTE
    machine.restart()
    for _ in range(2):  # the first look at the clock begins nothing
        machine.now += 6 * MINUTE
        machine.run()
    assert stored(machine, 1) == []
    track(machine, "u000")
    assert machine.value(1, "u000") is not None
    assert machine.engine.statistics.swept > 0


def test_a_profile_that_is_dropped_and_comes_again_starts_anew(machine: Machine) -> None:
    track(machine, "u000", "u000")
    machine.now += 40 * MINUTE
    machine.run()
    assert stored(machine, 1) == []
    track(machine, "u000")
    profile: Any = machine.profile(1, "u000")
    assert list(profile[1].values()) == [1]


def test_events_come_first_and_a_store_that_is_full_changes_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(machine, *users(50))
    machine.now += 40 * MINUTE
    machine.append(request(page_view("v"), timestamp=machine.now))
    assert machine.engine.step()
    assert machine.value(2, "v") == 1
    left = stored(machine, 1)
    assert len(left) == 43, "one piece at most with events"

    def refuse(*nothing: object) -> None:
        raise StoreFullError("no room")

    with monkeypatch.context() as patch, pytest.raises(StoreFullError):
        patch.setattr(profiles_module.Commit, "__exit__", refuse)
        machine.engine.step()
    assert stored(machine, 1) == left
    machine.run()
    assert stored(machine, 1) == []


def test_an_engine_that_is_never_idle_drops_them_too_a_piece_now_and_then(machine: Machine) -> None:
    track(machine, *users(50))
    machine.now += 40 * MINUTE
    left = []
    for number in range(40):
        machine.append(request(page_view(f"v{number}"), timestamp=machine.now))
        assert machine.engine.step()
        assert machine.value(2, f"v{number}") == 1
        left.append(len(stored(machine, 1)))
        machine.now += 250
    assert left == sorted(left, reverse=True)
    assert left[3] == 50 - 2 * 7, "one piece in half a second"
    assert left[-1] == 0


def test_it_can_be_switched_off(make_machine: Callable[..., Machine]) -> None:
    machine = make_machine(sweep_minutes=0)
    machine.define(1, {1: group("short", *(one | PAGE for one in LASTING))})
    track(machine, "u000")
    machine.now += 1_000 * MINUTE
    machine.run()
    assert stored(machine, 1) == ["u000"]


def test_sessions_whose_events_are_all_too_old_are_dropped_from_event_logs(machine: Machine) -> None:
    machine.define(2, {}, logs={9: event_log(max_age_seconds=600)})
    old, new = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
    for sessions in ((old, new), (new,)):
        machine.append(request(*(page_view("u", sid=one) for one in sessions), timestamp=machine.now))
        machine.run()
        machine.now += 6 * MINUTE
    machine.run()
    assert machine.profile(9, old) is None
    assert machine.profile(9, new) is not None
