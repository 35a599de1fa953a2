"""Failed events that are tried again count once, and events wait for registries that do not answer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iglu_documents import schema
from machine import Machine, page_view, request
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.iglu.repository import Absence
from snowmelt.settings_schemas import FailedEventSettings
from snowmelt.stores.failed_events import Failed, Filter
from strict_machine import ORDER, Strict, with_order


@pytest.fixture
def make_strict(tmp_path: Path) -> Iterator[Callable[..., Strict]]:
    made: list[Strict] = []

    def make(**options: Any) -> Strict:
        made.append(Strict(tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.machine.close()


@pytest.fixture
def strict(make_strict: Callable[..., Strict]) -> Strict:
    # Without the memory of events, which would hide a replay that is counted twice.
    return make_strict(duplicate_hours=0)


def test_a_replay_after_the_schema_was_added_counts_once(strict: Strict) -> None:
    machine = strict.machine
    machine.append(request(page_view("u"), with_order("u"), with_order("u")))
    machine.run()
    assert machine.value(1, "u") == 1
    assert [one.category for one in strict.failed()] == ["schema_violations"] * 2
    strict.have_schema()
    assert strict.replay().asked == 2
    machine.run()
    assert machine.value(1, "u") == 3
    assert all(one.replayed and one.tries == 1 for one in strict.failed())
    assert strict.replay().asked == 0, "they wait no more"
    assert machine.engine.statistics.replays == {"good": 2}
    assert machine.engine.statistics.failed == {"schema_violations": 2}


def test_who_adds_a_schema_and_asks_at_once_need_not_wait(strict: Strict) -> None:
    machine = strict.machine
    machine.append(request(with_order("u")))
    machine.run()
    strict.replay()
    machine.run()
    assert machine.engine.statistics.replays == {"failed": 1}
    # No time goes by: for the events of others the schema is still missing.
    strict.shelf.has[ORDER] = schema()
    machine.append(request(with_order("v")))
    machine.run()
    assert machine.value(1, "v") is None
    strict.replay(Filter(until=machine.now + 1))
    machine.run()
    assert (machine.value(1, "u"), machine.value(1, "v")) == (1, 1)
    assert machine.engine.statistics.replays == {"failed": 1, "good": 2}


def test_who_asks_twice_before_the_engine_comes_to_it_counts_once(strict: Strict) -> None:
    machine = strict.machine
    machine.append(request(with_order("u")))
    machine.run()
    strict.have_schema()
    for _ in range(3):
        strict.replay()
    machine.run()
    assert machine.value(1, "u") == 1
    assert machine.engine.statistics.replays == {"good": 1, "repeated": 2}


@pytest.mark.parametrize("after", ["failed events", "nothing"])
def test_an_engine_that_dies_in_mid_replay_counts_it_once(
    strict: Strict, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    machine = strict.machine
    machine.append(request(with_order("u")))
    machine.run()
    strict.have_schema()
    strict.replay()
    add = machine.failed.add

    def die(*arguments: Any) -> None:
        if after == "failed events":
            add(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(machine.failed, "add", die)
        with pytest.raises(KeyboardInterrupt):
            machine.engine.step()
    assert bool(strict.failed()[0].replayed) is (after == "failed events"), "written down before it counts"
    strict.replay(Filter())  # And somebody asks again.
    machine.restart()
    machine.run()
    assert machine.value(1, "u") == 1
    assert machine.engine.statistics.replays == {"good": 1, "repeated": 1}


def test_what_fails_again_stays_with_its_new_reason(strict: Strict) -> None:
    machine = strict.machine
    machine.append(request(with_order("u", aid="shop")))
    machine.run()
    [before] = strict.failed()
    strict.shelf.has[ORDER] = schema(required=["number"])
    strict.clock.now += 1
    strict.replay()
    machine.run()
    [after] = strict.failed()
    assert "ResolutionError" in before.reason
    assert "key number is missing" in after.reason
    assert (after.time, after.replayed, after.tries, after.app_id) == (before.time, None, 1, "shop")
    assert machine.engine.statistics.replays == {"failed": 1}
    assert machine.engine.statistics.failed == {"schema_violations": 1}, "it is no new one"
    strict.have_schema()
    strict.replay()
    machine.run()
    assert machine.value(1, "u") == 1
    assert strict.failed()[0].tries == 2


def test_an_event_without_an_id_keeps_the_one_that_it_was_given(make_strict: Callable[..., Strict]) -> None:
    strict = make_strict(duplicate_hours=24)
    machine = strict.machine
    machine.append(request(with_order("u")))
    machine.run()
    row: Any = strict.failed()[0].row
    strict.have_schema()
    strict.replay()
    machine.run()
    assert machine.value(1, "u") == 1
    machine.append(request(page_view("u", eid=row["data"]["payload"]["enriched"]["event_id"])))
    machine.run()
    assert machine.value(1, "u") == 1, "it is known by that id"


def test_a_whole_request_can_be_tried_again(strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = strict.machine

    def break_down(*arguments: object) -> None:
        raise RuntimeError("a bug that is mended later")

    with monkeypatch.context() as patch:
        patch.setattr("snowmelt.enrichment.pipeline._collector_facts", break_down)
        machine.append(request(page_view("u"), with_order("u"), page_view("v")))
        machine.run()
    [one] = strict.failed()
    assert (one.category, one.whole) == ("generic_error", True)
    strict.replay()
    machine.run()
    assert (machine.value(1, "u"), machine.value(1, "v")) == (1, 1)
    new, old = strict.failed()
    assert old.replayed, "it can be read by now"
    assert (new.category, new.sequence) == ("schema_violations", old.replayed), "but one of its events fails"
    strict.have_schema()
    strict.replay()
    machine.run()
    assert machine.value(1, "u") == 2


def test_one_event_of_a_request_that_met_a_bug(strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = strict.machine
    sound = Enricher._outcome

    def break_down(self: Enricher, raw: Any, *rest: Any) -> Any:
        if raw.parameters["uid"] == "v":
            raise RuntimeError("a bug that is mended later")
        return sound(self, raw, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Enricher, "_outcome", break_down)
        machine.append(request(page_view("u"), page_view("v")))
        machine.run()
    strict.replay()
    machine.run()
    assert (machine.value(1, "u"), machine.value(1, "v")) == (1, 1), "its neighbour does not count again"


def test_what_cannot_be_tried_again_says_so(strict: Strict) -> None:
    row: Any = {"data": {"payload": "the beginning"}}
    strict.machine.failed.add([Failed(1, 0, 0, "size_violation", "x", row), Failed(1, 1, 0, "generic_error", "x", {})])
    replayer = strict.replay()
    assert replayer.asked == 0
    assert [reason.partition(")")[0] for reason in replayer.refused] == [
        "the failed event 1 0 (size_violation",
        "the failed event 1 1 (generic_error",
    ]


def test_a_replay_can_be_limited(strict: Strict) -> None:
    machine = strict.machine
    machine.append(request(with_order("u", aid="a"), with_order("u", aid="b"), page_view("u", vid="x", aid="a")))
    machine.run()
    assert strict.replay(Filter(app_id="a")).asked == 2
    assert strict.replay(Filter(app_id="a", text=ORDER.uri)).asked == 1
    assert strict.replay(Filter(category="adapter_failures")).asked == 0
    assert strict.replay(Filter(since=machine.now + 1)).asked == 0
    assert strict.replay(Filter(until=machine.now + 1)).asked == 3


# Waiting for registries


def go_on(machine: Machine) -> None:
    """Work until there is nothing to do for the moment."""
    while machine.engine.step():
        pass


def test_events_wait_for_a_registry_that_does_not_answer(strict: Strict) -> None:
    machine = strict.machine
    strict.lose_schema(Absence("unreachable", "status 500", since=strict.clock.now))
    machine.append(request(page_view("u")))
    machine.append(request(page_view("u"), with_order("u")))
    machine.append(request(page_view("u")))
    go_on(machine)
    assert machine.value(1, "u") == 1, "those before it count, and none of its own request"
    assert machine.engine.statistics.held_since == machine.now
    assert not machine.engine.step(), "nothing to do until it is tried again"
    assert machine.engine.next_alarm() == 0.5
    machine.now += 500
    go_on(machine)
    assert machine.value(1, "u") == 1
    strict.have_schema()
    machine.now += 500
    machine.run()
    assert machine.value(1, "u") == 4
    assert strict.failed() == []
    assert machine.engine.statistics.held_since == 0


def test_events_do_not_wait_for_ever(strict: Strict) -> None:
    machine = strict.machine
    strict.lose_schema(Absence("unreachable", "status 500", since=strict.clock.now))
    machine.append(request(with_order("u"), page_view("u")))
    go_on(machine)
    assert machine.value(1, "u") is None
    strict.clock.now += 61
    machine.now += 500
    machine.run()
    assert machine.value(1, "u") == 1
    [one] = strict.failed()
    assert "ResolutionError" in one.reason
    assert machine.engine.statistics.unresolved == {"unreachable": 1}


# Keeping failed events


def test_old_failed_events_are_dropped(make_strict: Callable[..., Strict]) -> None:
    strict = make_strict(failed_events=FailedEventSettings(retention_days=2))
    machine = strict.machine
    machine.append(request(with_order("old")))
    machine.run()
    machine.now += 2 * 86_400_000
    machine.append(request(with_order("new")))
    machine.run()
    assert len(strict.failed()) == 2
    machine.now += 120_000
    machine.run()
    assert [one.time for one in strict.failed()] == [machine.now - 120_000]


def test_the_oldest_failed_events_make_room(make_strict: Callable[..., Strict]) -> None:
    strict = make_strict(failed_events=FailedEventSettings(max_bytes=1024**2))
    failed = strict.machine.failed
    failed.add([Failed(number, 0, strict.machine.now, "c", "r", {"x": "y" * 1_000}) for number in range(1, 3_001)])
    strict.machine.run()
    assert failed.size() <= 1024**2
    assert 100 <= failed.count() < 300, "a little over four kilobytes each"
    assert next(failed.list()).sequence == 3_000
