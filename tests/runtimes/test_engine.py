"""The engine, step by step, with real stores: what it commits, and what survives which mishap."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from machine import MB, NOW, TP2, Machine, Wire, attribute, group, page_view, request
from snowmelt.compute import state
from snowmelt.compute.event_log_plan import EventLogPlan
from snowmelt.compute.plan import GroupPlan
from snowmelt.compute.program import Watcher
from snowmelt.compute.reader import GroupReader
from snowmelt.definitions import AttributeGroup, RuleIntervention
from snowmelt.definitions import EventLog as EventLogDefinition
from snowmelt.events.unreadable import UnreadableLine, encode_unreadable
from snowmelt.runtimes import engine as module
from snowmelt.runtimes import snapshot
from snowmelt.stores import profiles as profiles_module
from snowmelt.stores.errors import PositionMovedError, StoreError, StoreFullError
from snowmelt.stores.event_log import Kind
from snowmelt.stores.registry import References, Registry


def test_nothing_to_do(machine: Machine) -> None:
    assert machine.engine.step() is False
    assert machine.engine.position == 0


def test_a_request_becomes_values(machine: Machine) -> None:
    machine.define(1, {3: group()})
    machine.track("u", "v", "u")
    machine.run()
    assert (machine.value(3, "u"), machine.value(3, "v"), machine.value(3, "w")) == (2, 1, None)
    statistics = machine.engine.statistics
    assert (statistics.payloads, statistics.events, statistics.revision) == (1, 3, 1)
    assert (statistics.updated, statistics.last_record) == (NOW, NOW)


def test_enriched_lines_become_values(machine: Machine) -> None:
    machine.define(1, {3: group()})
    machine.insert(b'{"user_id": "u"}', b"", b"rubbish", b'{"user_id": "u"}', b"\xff")
    machine.run()
    assert machine.value(3, "u") == 2
    statistics = machine.engine.statistics
    assert (statistics.payloads, statistics.events, statistics.unreadable) == (0, 2, 2)


def test_definitions_hold_exactly_from_their_place_on(machine: Machine) -> None:
    machine.track("before")
    machine.define(1, {1: group("one")})
    machine.track("first", "both")
    machine.define(2, {1: group("one"), 2: group("two")})
    machine.track("second", "both")
    machine.define(3, {1: group("one"), 2: group("two")}, frozen=frozenset({1}))
    machine.track("third", "both")
    machine.run()
    counts = {
        user: (machine.value(1, user), machine.value(2, user))
        for user in ("before", "first", "both", "second", "third")
    }
    assert counts == {
        "before": (None, None),
        "first": (1, None),
        "second": (1, 1),
        "third": (None, 1),
        "both": (2, 2),
    }
    assert machine.engine.statistics.events == 7


def test_what_was_frozen_goes_on_where_it_was(machine: Machine) -> None:
    for revision, frozen in ((1, frozenset[int]()), (2, frozenset({1})), (3, frozenset[int]())):
        machine.define(revision, {1: group()}, frozen)
        machine.track("u")
    machine.run()
    assert machine.value(1, "u") == 2


def test_definitions_that_are_no_newer_are_passed_over(machine: Machine) -> None:
    machine.define(5, {1: group()})
    for revision in (5, 4):
        machine.define(revision, {})
        machine.track("u")
    machine.run()
    machine.restart()
    machine.define(5, {})
    machine.track("u")
    machine.run()
    assert machine.value(1, "u") == 3
    assert machine.engine.statistics.revision == 5


def test_records_of_the_registry_with_and_without_later_kinds(machine: Machine, tmp_path: Path) -> None:
    """What the engine does not know in a record changes nothing: older and newer ones follow each other."""
    machine.define(1, {1: group()})
    machine.track("u")
    kept = [{"event": {"name": "page_view"}, "properties": [{"type": "atomic", "name": "page_url"}]}]
    with Registry.open(tmp_path / "registry.sqlite") as registry:
        registry.groups.create(AttributeGroup.model_validate(group(is_published=True)))
        rule = {"attribute": "g:n", "operator": ">", "value": 1}
        body = {"name": "nudge", "owner": "a@example.com", "criteria": rule, "is_published": True}
        registry.interventions.create(RuleIntervention.model_validate(body))
        log = {"name": "recent", "attribute_key": {"name": "domain_sessionid"}, "events": kept}
        limits = {"max_events": 9, "max_age_seconds": 60}
        registry.event_logs.create(EventLogDefinition.model_validate(log | limits))
        registry.publishing.publish(References(event_logs=["recent"]))
        snapshot = registry.snapshot()
    assert all(msgspec.json.decode(snapshot)[kind] for kind in ("groups", "interventions", "event_logs"))
    machine.log.append([(Kind.DEFINITIONS, machine.now, snapshot)])
    machine.track("u")
    machine.run()
    machine.restart()
    machine.track("u")
    machine.run()
    assert machine.value(1, "u") == 3
    assert machine.engine.statistics.revision == msgspec.json.decode(snapshot)["revision"]


def test_a_start_goes_on_with_the_same_definitions_values_and_counts(machine: Machine) -> None:
    machine.define(1, {1: group()})
    machine.track("u")
    machine.insert(b"rubbish")
    machine.run()
    before = machine.engine.statistics
    for expected in (2, 3, 4):
        machine.restart()
        assert machine.engine.statistics == before
        assert machine.engine.position == machine.log.head()
        machine.track("u")
        machine.run()
        assert machine.value(1, "u") == expected
        before = machine.engine.statistics
    assert (before.payloads, before.events, before.unreadable) == (4, 4, 1)


def test_failed_events_are_kept_with_their_place_and_counted(machine: Machine) -> None:
    machine.define(1, {1: group()})
    machine.append(request(page_view("u"), page_view("u", vid="x"), page_view("u")))
    machine.append(request(page_view("u"), network_userid="no uuid"))
    machine.append(request(path="/com.unknown/v9"))
    machine.run()
    assert machine.value(1, "u") == 2
    kept = {(one.sequence, one.item): one.category for one in machine.failed.list()}
    assert kept == {
        (2, 1): "schema_violations",
        (3, 0): "collector_payload_format_violation",
        (4, 0): "adapter_failures",
    }
    assert machine.engine.statistics.failed == dict(Counter(kept.values()))
    assert machine.failed.get(2, 1).row["schema"].endswith("schema_violations/jsonschema/2-0-1")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"a": 1}),
        msgspec.msgpack.encode(["not a time"]),
        b"\x92\x01\xa1\xff",
        msgspec.msgpack.encode([1, TP2, "", b"{" + b'"a":[' * 50_000]),
    ],
)
def test_a_record_that_cannot_be_read_does_not_hold_up_the_others(machine: Machine, body: bytes) -> None:
    machine.define(1, {1: group()})
    machine.log.append([(Kind.PAYLOAD, NOW, body)])
    machine.track("u")
    machine.run()
    assert machine.value(1, "u") == 1
    assert sum(machine.engine.statistics.failed.values()) == 1
    assert machine.failed.get(2, 0) is not None


def test_even_a_fault_of_the_pipeline_does_not_stop_the_engine(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.define(1, {1: group()})
    machine.track("u")
    machine.append(request(page_view("poison"), page_view("u")))
    machine.track("u")
    encode = module.event_json.encode

    def fragile(event: Wire) -> bytes:
        if event["user_id"] == "poison":
            raise RecursionError("too deep")
        return encode(event)

    monkeypatch.setattr(module.event_json, "encode", fragile)
    machine.run()
    assert machine.value(1, "u") == 3
    assert machine.engine.statistics.failed == {"generic_error": 1}
    failed = machine.failed.get(3, 0)
    assert failed is not None and "too deep" in failed.reason


def test_a_group_that_cannot_be_computed_does_not_stop_the_others(machine: Machine) -> None:
    deep = {"type": "event", "vendor": "a", "name": "b", "major_version": 1, "path": ".".join(["x"] * 5_000)}
    odd = deep | {"path": 'a"b\\c', "vendor": 'com."odd"'}
    machine.define(
        1,
        {
            1: group("one"),
            2: group("two", attribute(aggregation="unique_list", type="string_list")),
            3: group("three", attribute(aggregation="no such thing")),
            4: {"name": "four"},
            5: group("five", attribute(aggregation="last", type="string", property=deep)),
            6: group("six", attribute(aggregation="last", type="string", property=odd)),
            7: group("seven"),
        },
    )
    machine.track("u")
    machine.run()
    assert (machine.value(1, "u"), machine.value(7, "u")) == (1, 1)
    assert machine.engine.statistics.errors == 0


def test_a_group_that_cannot_be_compiled_does_not_stop_the_others(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile(snapshot.Program):
        def __init__(
            self, plans: Sequence[GroupPlan], logs: Sequence[EventLogPlan] = (), watchers: Sequence[Watcher] = ()
        ) -> None:
            if any(plan.title == "bad_v1" for plan in plans):
                raise RecursionError("too deep")
            super().__init__(plans, logs, watchers)

    monkeypatch.setattr(snapshot, "Program", Fragile)
    machine.define(1, {1: group("good"), 2: group("bad")})
    machine.track("u")
    machine.run()
    assert (machine.value(1, "u"), machine.value(2, "u")) == (1, None)


def test_rejected_values_and_refused_keys_are_counted(machine: Machine) -> None:
    price = attribute(name="p", aggregation="sum", property={"type": "atomic", "name": "se_value"})
    machine.define(1, {1: group("g", attribute(), price)})
    machine.insert(b'{"user_id": "u", "se_value": "much"}', b'{"user_id": "u", "se_value": 2}')
    machine.insert(b'{"user_id": "%s"}' % (b"k" * 513), b'{"user_id": "u", "se_value": true}')
    machine.run()
    machine.restart()
    for _ in range(2):
        machine.insert(b'{"user_id": "u", "se_value": "much"}', b'{"user_id": "%s"}' % (b"k" * 600))
        machine.run()
    statistics = machine.engine.statistics
    assert (statistics.rejected, statistics.refused_keys) == ({"1:2": 4}, 3)
    assert machine.profile(1, "u") == [state.VERSION, 5, [2]]


def test_it_is_known_when_each_group_was_last_updated(machine: Machine) -> None:
    machine.define(1, {1: group("one"), 2: group("two")})
    machine.track("u")
    machine.run()
    machine.define(2, {1: group("one"), 2: group("two")}, frozen=frozenset({2}))
    machine.now += 5_000
    machine.track("u")
    machine.run()
    statistics = machine.engine.statistics
    assert statistics.updates == {"1": NOW + 5_000, "2": NOW}
    assert (statistics.commits, statistics.commit_ms > 0) == (2, True)
    machine.define(3, {1: group("one")})
    machine.run()
    assert machine.engine.statistics.updates == {"1": NOW + 5_000}


def test_what_a_deleted_group_left_is_purged_in_pieces(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles_module, "_PURGE_CHUNK", 3)
    machine.define(1, {1: group("one"), 2: group("two"), 3: group("three")})
    users = [f"u{number}" for number in range(10)]
    machine.track(*users)
    machine.run()
    machine.define(2, {1: group("one"), 3: group("three")}, frozen=frozenset({3}))
    assert machine.engine.step()
    machine.restart()  # in the middle of it
    machine.track("u0")
    machine.run()
    assert machine.store.state_ids() == [1, 3]
    assert [machine.value(1, user) for user in users] == [2, *[1] * 9]
    assert [machine.value(3, user) for user in users] == [1] * 10
    assert machine.engine.step() is False


def test_a_step_ends_in_time_and_the_next_goes_on(
    make_machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_RECORDS", 2)
    machine = make_machine(commit_ms=-1)
    machine.define(1, {1: group()})
    for _ in range(5):
        machine.track("u")
    positions = []
    while machine.engine.step():
        positions.append((machine.engine.position, machine.value(1, "u")))
    assert positions == [(1, None), (3, 2), (5, 4), (6, 5)]


def test_a_step_gathers_what_comes_until_then(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_RECORDS", 2)
    monkeypatch.setattr(module.time, "monotonic", lambda: 0.0)
    machine.define(1, {1: group()})
    machine.engine.step()
    for _ in range(5):
        machine.track("u")
    machine.define(2, {1: group()})
    assert machine.engine.step()
    assert machine.engine.position == 6, "definitions begin a step of their own"
    machine.run()


def many(users: int) -> list[bytes]:
    return [b'{"user_id": "%s-%d"}' % (b"long" * 50, number) for number in range(users)]


def test_a_full_store_changes_nothing_and_the_step_can_be_tried_again(machine: Machine) -> None:
    machine.die()
    machine.map_size = MB
    machine.start()
    machine.define(1, {1: group()})
    machine.track("u")
    machine.run()
    machine.append(request(page_view("u"), page_view("u", vid="x")))
    machine.insert(*many(20_000))
    before = machine.engine.statistics
    for _ in range(3):
        with pytest.raises(StoreFullError, match=r"engine\.map_size"):
            machine.engine.step()
        assert machine.engine.statistics == before
        assert machine.engine.position == 2
        assert machine.value(1, "u") == 1
    machine.die()
    machine.map_size = 64 * MB
    machine.start()
    machine.run()
    assert machine.value(1, "u") == 2
    assert machine.value(1, "long" * 50 + "-19999") == 1
    statistics = machine.engine.statistics
    assert (statistics.payloads, statistics.events, statistics.failed) == (2, 20_002, {"schema_violations": 1})
    assert machine.failed.counts() == {"schema_violations": 1}


@pytest.mark.parametrize(
    "error", [StoreFullError("no room for failed events"), StoreError("locked"), KeyboardInterrupt()]
)
def test_failed_events_that_cannot_be_kept_hold_back_the_step(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    machine.define(1, {1: group()})
    machine.track("u")
    machine.run()
    machine.append(request(page_view("u"), page_view("u", vid="x")))

    def refuse(failed: object, replayed: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(machine.failed, "add", refuse)
        for _ in range(2):
            with pytest.raises(type(error)):
                machine.engine.step()
            assert (machine.engine.position, machine.value(1, "u")) == (2, 1)
    machine.run()
    assert machine.value(1, "u") == 2
    assert machine.engine.statistics.events == 2
    assert machine.engine.statistics.failed == {"schema_violations": 1}


def test_a_second_engine_stops_the_first(machine: Machine) -> None:
    machine.define(1, {1: group()})
    machine.run()
    machine.store.position = 0  # as if another had committed since
    machine.track("u")
    with pytest.raises(PositionMovedError):
        machine.engine.step()


def test_time_moves_with_the_clock(machine: Machine) -> None:
    rolling = group("g", attribute(period="PT1M"))
    machine.define(1, {1: rolling})
    machine.track("u")
    machine.run()
    machine.now += 120_000
    machine.append(request(page_view("u"), timestamp=machine.now))
    machine.run()
    profile = machine.profile(1, "u")
    assert profile is not None and len(profile[1]) == 1, "the tile of the first event was dropped"
    values = GroupReader(AttributeGroup.model_validate(rolling))
    assert values.read(state.encode(profile), machine.now) == [1]


USERS = ["a", "b", "c", "é" * 125, "k" * 500]
steps = st.lists(
    st.one_of(
        st.lists(st.sampled_from(USERS), min_size=1, max_size=4),
        st.lists(st.sampled_from(USERS), min_size=1, max_size=4),
        st.sampled_from(["work", "die", "fail", "publish"]),
    ),
    max_size=25,
)


def test_lines_that_are_no_events_are_kept_and_counted_once(machine: Machine) -> None:
    machine.define(1, {3: group()})
    lines = [UnreadableLine("a.tsv:1", "has 2 columns", b"\xff\t"), UnreadableLine("a.tsv:9", "has 3 columns", b"x")]
    machine.log.append([(Kind.UNREADABLE, NOW, encode_unreadable(lines)), (Kind.UNREADABLE, NOW, b"\xc1")])
    machine.insert(b'{"user_id": "u"}')
    machine.run()
    machine.restart()
    machine.run()
    assert machine.value(3, "u") == 1
    assert machine.engine.statistics.failed == {"loader_parsing_error": 2, "generic_error": 1}
    _, second, first = machine.failed.list()
    assert (first.sequence, first.item, first.reason) == (2, 0, "a.tsv:1: has 2 columns")
    assert (second.item, second.row["data"]["payload"]) == (1, "x")  # type: ignore[index]


@given(steps, st.sampled_from([1, 2, 1_000]))
def test_values_are_a_plain_recount_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Any], cache_keys: int
) -> None:
    """With a tiny cache, deaths, refused commits and groups that come and go."""
    machine = Machine(tmp_path_factory.mktemp("machine"), cache_keys=cache_keys)
    total = attribute(name="s", aggregation="sum", property={"type": "atomic", "name": "domain_sessionidx"})
    first, second = group("one", attribute(), total), group("two")
    machine.define(1, {1: first})
    counts: dict[int, Counter[str]] = {1: Counter(), 2: Counter()}
    revision, published = 1, {1}
    for step in drawn:
        if isinstance(step, list):
            machine.insert(*(msgspec.json.encode({"user_id": user, "domain_sessionidx": 2}) for user in step))
            for state_id in published:
                counts[state_id].update(step)
        elif step == "work":
            machine.engine.step()
        elif step == "die":
            machine.restart()
        elif step == "fail":
            if machine.engine.position < machine.log.head():
                with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreFullError):
                    patch.setattr(profiles_module.Commit, "__exit__", _full)
                    machine.engine.step()
        else:
            revision += 1
            published = {1, 2} if published == {1} else {1}
            frozen = frozenset({2}) - published
            machine.define(revision, {1: first, 2: second}, frozen)
    machine.run()
    for user in USERS:
        expected = counts[1][user]
        assert machine.profile(1, user) == ([state.VERSION, expected, [2 * expected]] if expected else None)
        assert machine.value(2, user) == (counts[2][user] or None)
    assert machine.engine.statistics.events == sum(len(step) for step in drawn if isinstance(step, list))
    machine.close()


def _full(*nothing: object) -> None:
    raise StoreFullError("no room")
