"""Interventions that time alone makes fire: at their instant, with no event, whatever dies meanwhile."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firing_oracle
from drawn import stamp
from machine import NOW, Machine, attribute, group, rule
from snowmelt.runtimes.engine import SETTLE_MS
from snowmelt.stores.event_log import Kind

MINUTE = 60_000
QUIET = attribute(name="quiet", type="double", aggregation="time_since_last", time_unit="min")
ABANDONED = rule("abandoned", {"attribute": "g:quiet", "operator": ">=", "value": 15})
FEW = attribute(name="few", period="PT10M")
CALM = rule("calm", {"attribute": "g:few", "operator": "<", "value": 2})

numbers = iter(range(10_000_000))


def act(machine: Machine, user: str = "u", **members: Any) -> None:
    """An event of a user, as it happens now."""
    event = {"user_id": user, "event_id": f"a{next(numbers)}", "collector_tstamp": stamp(machine.now), **members}
    machine.insert(msgspec.json.encode(event))


def wait(machine: Machine, ms: int) -> None:
    """Let time pass, and the engine see it."""
    machine.now += ms
    machine.run()


@pytest.fixture
def shop(machine: Machine) -> Machine:
    machine.define(1, {1: group("g", QUIET, FEW)}, rules={2: ABANDONED})
    act(machine)
    machine.run()
    return machine


def test_a_cart_that_is_left_for_a_quarter_of_an_hour(shop: Machine) -> None:
    wait(shop, 15 * MINUTE - 1 + SETTLE_MS)
    assert shop.sent() == []
    wait(shop, 1)
    assert shop.sent() == [("abandoned", "u")]
    assert msgspec.json.decode(shop.outbox.read(0)[0].payload)["attributes"] == {"g:quiet": "15.0"}
    assert shop.store.next_alarm() is None
    act(shop)
    wait(shop, 60 * MINUTE)
    assert shop.sent() == [("abandoned", "u")]


def test_whoever_comes_back_puts_it_off(shop: Machine) -> None:
    for _ in range(5):
        wait(shop, 10 * MINUTE)
        act(shop)
        shop.run()
    assert shop.sent() == []
    wait(shop, 15 * MINUTE + SETTLE_MS)
    assert shop.sent() == [("abandoned", "u")]


def test_an_alarm_is_not_moved_by_every_event(shop: Machine) -> None:
    first = shop.store.next_alarm()
    for _ in range(3):
        wait(shop, MINUTE)
        act(shop)
        shop.run()
    assert shop.store.next_alarm() == first
    wait(shop, 13 * MINUTE)
    assert shop.store.next_alarm() == NOW + 18 * MINUTE


def test_the_engine_knows_how_long_it_may_sleep(shop: Machine) -> None:
    assert shop.engine.next_alarm() == pytest.approx((15 * MINUTE + SETTLE_MS) / 1000)
    shop.now += 20 * MINUTE
    assert shop.engine.next_alarm() == 0
    shop.run()
    assert shop.engine.next_alarm() is None


def test_a_count_that_falls_as_time_passes(machine: Machine) -> None:
    machine.define(1, {1: group("g", QUIET, FEW)})
    act(machine)
    act(machine)
    machine.define(2, {1: group("g", QUIET, FEW)}, rules={2: CALM})
    act(machine)
    wait(machine, 10 * MINUTE)
    assert machine.sent() == []  # the tile that they lie in is still inside
    wait(machine, MINUTE)
    # Nothing is served of an empty period, and nothing is less than two; one would have been.
    assert machine.sent() == []
    wait(machine, MINUTE)
    act(machine)
    wait(machine, MINUTE)
    assert machine.sent() == [("calm", "u")]


def test_one_that_time_can_only_end_sets_no_alarm(machine: Machine) -> None:
    many = rule("many", {"attribute": "g:few", "operator": ">", "value": 3})
    machine.define(1, {1: group("g", QUIET, FEW)}, rules={2: many})
    act(machine)
    machine.run()
    assert machine.store.next_alarm() is None


def test_what_was_due_while_it_was_down_fires_at_the_start_if_it_still_holds(shop: Machine) -> None:
    act(shop, "v")
    shop.run()
    shop.die()
    shop.now += 20 * MINUTE
    act(shop, "v")  # taken by the collector while the engine was down
    shop.now += MINUTE
    shop.start()
    shop.run()
    # Of v it came to hold, too, before the event ended it: events and time are judged in their order.
    assert sorted(shop.sent()) == [("abandoned", "u"), ("abandoned", "v")]


def test_an_event_that_came_in_time_and_is_read_late_prevents_it(shop: Machine) -> None:
    shop.die()
    shop.now += 14 * MINUTE
    act(shop)
    shop.now += 10 * MINUTE
    shop.start()
    shop.run()
    assert shop.sent() == []
    wait(shop, 5 * MINUTE + SETTLE_MS)
    assert shop.sent() == [("abandoned", "u")]


def test_it_survives_deaths_at_any_moment_and_fires_once(shop: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "vwxyz":
        act(shop, name)
    shop.run()
    shop.now += 15 * MINUTE + SETTLE_MS
    monkeypatch.setattr("snowmelt.runtimes.engine.ALARMS", 2)
    for _ in range(8):
        shop.engine.step()
        shop.restart()
    shop.run()
    assert sorted(name for _, name in shop.sent()) == ["u", "v", "w", "x", "y", "z"]


def test_a_clock_that_jumps_does_no_harm(shop: Machine) -> None:
    wait(shop, -60 * MINUTE)
    wait(shop, 60 * MINUTE)
    assert shop.sent() == []
    wait(shop, 365 * 24 * 60 * MINUTE)
    assert shop.sent() == [("abandoned", "u")]
    wait(shop, -365 * 24 * 60 * MINUTE)
    assert shop.sent() == [("abandoned", "u")]
    assert shop.engine.step() is False


def test_the_alarms_of_a_rule_that_is_gone_go_as_they_come(shop: Machine) -> None:
    shop.define(2, {1: group("g", QUIET, FEW)})
    shop.run()
    assert shop.store.next_alarm() is not None
    wait(shop, 16 * MINUTE)
    assert (shop.store.next_alarm(), shop.sent()) == (None, [])


def test_one_that_is_published_again_waits_for_nothing_from_before(shop: Machine) -> None:
    shop.define(2, {1: group("g", QUIET, FEW)})
    shop.run()
    shop.define(3, {1: group("g", QUIET, FEW)}, rules={2: ABANDONED})
    wait(shop, 16 * MINUTE)
    assert (shop.store.next_alarm(), shop.sent()) == (None, [])
    act(shop)
    wait(shop, 16 * MINUTE)
    assert shop.sent() == [("abandoned", "u")]


def test_definitions_that_mean_other_groups_wait_for_their_own_events(shop: Machine) -> None:
    shop.define(2, {1: group("g", QUIET, FEW), 7: group("h", QUIET)}, rules={2: ABANDONED})
    shop.run()
    renewed = [{"state_id": 9, "published": True, "group": group("g", QUIET, FEW, is_published=True)}]
    fired = {"state_id": 2, "targets": ["user_id"], "sources": {"g:quiet": 1}, "intervention": ABANDONED}
    body = msgspec.json.encode({"revision": 3, "groups": renewed, "interventions": [fired]})
    shop.log.append([(Kind.DEFINITIONS, shop.now, body)])
    wait(shop, 16 * MINUTE)
    assert (shop.store.next_alarm(), shop.sent()) == (None, [])
    act(shop)
    wait(shop, 16 * MINUTE)
    assert shop.sent() == [("abandoned", "u")]


@pytest.mark.parametrize("late", [0, 5 * MINUTE])
def test_after_a_power_cut_what_time_made_fire_is_not_sent_again(shop: Machine, tmp_path: Path, late: int) -> None:
    act(shop, "v")
    copy = tmp_path / "checkpoint"
    copy.mkdir()
    shop.store.copy(copy)
    wait(shop, 15 * MINUTE + SETTLE_MS)
    assert len(shop.sent()) == 2
    shop.die()
    shutil.rmtree(shop.store.path)
    shutil.copytree(copy, shop.store.path)
    shop.now += late
    shop.start()
    shop.run()
    act(shop, "w")
    wait(shop, 16 * MINUTE)
    assert shop.engine.statistics.fired == {"abandoned_v1": 1}
    assert shop.sent()[-1] == ("abandoned", "w")


# Judged by a plain loop


SECOND = 1000
SPANS = st.sampled_from([1, 250, 999, SECOND, 1001, 2 * SECOND, 3 * SECOND, 2999, 5 * SECOND, 10 * SECOND])
attributes = st.lists(
    st.sampled_from(
        [
            attribute(name="quiet", type="double", aggregation="time_since_last", time_unit="s"),
            attribute(name="whole", type="int32", aggregation="time_since_first", time_unit="s"),
            attribute(name="ttl", type="int32", ttl="PT3S", default_value=0),
            attribute(name="few", type="int32", period="PT5S"),
            attribute(name="none", type="int32", period="PT2S", default_value=-1),
            attribute(name="recent", type="double", aggregation="time_since_last", time_unit="s", period="PT4S"),
            attribute(name="ever", type="int32"),
        ]
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one["name"],
)


@st.composite
def timed_rules(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    leaf = st.builds(
        lambda name, operator, value: (
            {"attribute": f"g:{name}", "operator": operator, "value": value}
            if "null" not in operator
            else {"attribute": f"g:{name}", "operator": operator}
        ),
        st.sampled_from(names),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "is null", "is not null"]),
        st.sampled_from([0, 1, 2, 3, 1.5, 2.999, -1]),
    )
    tree = st.recursive(
        leaf,
        lambda parts: st.builds(
            lambda grouping, several: {grouping: several},
            st.sampled_from(["all", "any", "none"]),
            st.lists(parts, min_size=1, max_size=2),
        ),
        max_leaves=4,
    )
    return rule("drawn", draw(tree))


def fired_in_time(
    wire: dict[str, Any], judged: dict[str, Any], stream: list[tuple[int, str]], end: int
) -> list[tuple[int, str]]:
    """When it fires for whom: every instant is looked at that can matter, in order, and the one before it."""
    judge = firing_oracle.Judge([wire])
    names = firing_oracle.names_in(judged["criteria"])
    fired = []
    for user in sorted({name for _, name in stream}):
        events = [
            {"user_id": name, "event_id": f"{number:04d}", "collector_tstamp": stamp(at)}
            for number, (at, name) in enumerate(stream)
            if name == user
        ]
        times = [at for at, name in stream if name == user]

        def holds(at: int, count: int, events: list[Any] = events, user: str = user) -> bool:
            values = dict(zip(names, judge.values(names, {"g": user}, events[:count], at), strict=True))
            return firing_oracle.holds(judged["criteria"], values, values)

        found = None
        for count, at in enumerate(times, 1):
            if not holds(at, count - 1) and holds(at, count):
                found = at
                break
            until = times[count] if count < len(times) else end
            turns = sorted(moment for moment in turns_of(wire, times[:count]) if at < moment <= until)
            found = next((one for one in turns if holds(one, count) and not holds(one - 1, count)), None)
            if found is not None:
                break
        if found is not None:
            fired.append((found, user))
    return sorted(fired)


def turns_of(wire: dict[str, Any], times: list[int]) -> Iterator[int]:
    """Every instant at which something may happen to an attribute."""
    for one in wire["attributes"]:
        for at in times:
            if "period" in one:
                span = int(one["period"].strip("PTS")) * SECOND
                yield -(-(at * 256 // span + 257) * span // 256)
            if "ttl" in one:
                yield at + int(one["ttl"].strip("PTS")) * SECOND
            if one["aggregation"].startswith("time_since"):
                for bound in (0, 1, 2, 3, 4, 1.5, 2.999):
                    yield from (at + int(bound * SECOND), at + int(bound * SECOND) + 1)


@settings(max_examples=max(60, settings().max_examples))
@given(data=st.data())
def test_what_fires_in_time_is_what_a_plain_loop_says(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    wire = group("g", *data.draw(attributes, label="attributes"), is_published=True)
    judged = data.draw(timed_rules([one["name"] for one in wire["attributes"]]), label="rule")
    machine = Machine(tmp_path_factory.mktemp("alarms"))
    try:
        machine.define(1, {1: wire}, rules={2: judged})
        machine.run()
        stream: list[tuple[int, str]] = []
        for gap in data.draw(st.lists(SPANS, max_size=6), label="gaps"):
            for _ in range(gap // 100):
                # As time goes by; what is due is looked at a little later than it is due.
                machine.now += 100
                machine.run()
            machine.now += gap % 100
            machine.run()
            if data.draw(st.booleans(), label="dies"):
                machine.restart()
            user = data.draw(st.sampled_from("uv"), label="user")
            stream.append((machine.now, user))
            event = {"user_id": user, "event_id": f"{len(stream):04d}", "collector_tstamp": stamp(machine.now)}
            machine.insert(msgspec.json.encode(event))
            machine.run()
        end = machine.now + 15 * SECOND
        while machine.now < end + SETTLE_MS:
            machine.now += 50
            machine.run()
        assert sorted(machine.sent()) == sorted(("drawn", user) for _, user in fired_in_time(wire, judged, stream, end))
    finally:
        machine.close()


@pytest.mark.parametrize("away", [MINUTE, 30 * MINUTE])
def test_after_a_power_cut_an_event_does_not_bring_again_what_time_made_fire(
    shop: Machine, tmp_path: Path, away: int
) -> None:
    copy = tmp_path / "checkpoint"
    copy.mkdir()
    shop.store.copy(copy)
    wait(shop, 15 * MINUTE + SETTLE_MS)
    assert shop.sent() == [("abandoned", "u")]
    shop.die()
    shutil.rmtree(shop.store.path)
    shutil.copytree(copy, shop.store.path)
    # The outbox keeps what it has for some minutes only, and the next event is there before any alarm is looked at.
    shop.now += away
    act(shop)
    shop.start()
    for _ in range(4):
        # It may die again while it catches up.
        shop.engine.step()
        shop.restart()
    shop.run()
    wait(shop, 20 * MINUTE)
    assert shop.engine.statistics.fired == {}


def test_after_a_power_cut_what_was_still_to_fire_does(
    shop: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "vwxyz":
        act(shop, name)
    shop.run()
    copy = tmp_path / "checkpoint"
    copy.mkdir()
    shop.store.copy(copy)
    monkeypatch.setattr("snowmelt.runtimes.engine.ALARMS", 2)
    shop.now += 15 * MINUTE + SETTLE_MS
    shop.engine.step()
    assert len(shop.sent()) == 2
    shop.die()
    shutil.rmtree(shop.store.path)
    shutil.copytree(copy, shop.store.path)
    shop.now += MINUTE
    shop.start()
    shop.run()
    assert sorted(name for _, name in shop.sent()) == ["u", "v", "w", "x", "y", "z"]
