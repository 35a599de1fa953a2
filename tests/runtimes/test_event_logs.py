"""The engine fills event logs: with everything else of a step, once, and only while they are published."""

from typing import Any

import msgspec
import pytest

from machine import NOW, Machine, Wire, event_log, group
from snowmelt.compute import state
from snowmelt.compute.event_log_reader import EventLogReader
from snowmelt.definitions import EventLog
from snowmelt.stores import profiles as profiles_module
from snowmelt.stores.errors import StoreFullError


def view(path: str, at: int = NOW, session: str = "s", **members: Any) -> bytes:
    time = f"2026-01-01T00:00:{(at - NOW) / 1000:06.3f}Z"
    usual = {"event_name": "page_view", "collector_tstamp": time, "domain_sessionid": session, "user_id": "u"}
    return msgspec.json.encode(usual | {"event_id": f"{path}-{at}", "page_urlpath": path} | members)


def shown(machine: Machine, state_id: int = 7, log: Wire | None = None, session: str = "s") -> list[Any]:
    profile = machine.profile(state_id, session)
    reader = EventLogReader(EventLog.model_validate(log or event_log()))
    stored = None if profile is None else state.encode(profile)
    return [event.values["path"] for event in reader.read(stored, machine.now)]


def test_events_are_kept_beside_values(machine: Machine) -> None:
    machine.define(1, {1: group()}, logs={7: event_log()})
    machine.insert(view("/b", NOW + 1), view("/a"), view("/c", NOW + 2), view("/x", session="other"))
    machine.insert(view("/c", NOW + 2), view("/d", NOW + 3), msgspec.json.encode({"user_id": "u"}))
    machine.run()
    assert shown(machine) == ["/b", "/c", "/d"]
    assert shown(machine, session="other") == ["/x"]
    assert shown(machine, session="nobody") == []
    assert machine.value(1, "u") == 6
    assert machine.engine.statistics.errors == 0


def test_what_was_kept_survives_deaths_and_refused_commits(machine: Machine) -> None:
    machine.define(1, {}, logs={7: event_log()})
    machine.insert(view("/a"))
    machine.run()
    machine.insert(view("/b", NOW + 1))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreFullError):
        patch.setattr(profiles_module.Commit, "__exit__", _full)
        machine.engine.step()
    assert shown(machine) == ["/a"]
    machine.restart()
    machine.insert(view("/b", NOW + 1), view("/c", NOW + 2))
    machine.run()
    assert shown(machine) == ["/a", "/b", "/c"]


def test_unpublished_logs_are_frozen_and_deleted_ones_purged(machine: Machine) -> None:
    machine.insert(view("/before"))
    for revision, frozen in ((1, frozenset[int]()), (2, frozenset({7})), (3, frozenset[int]())):
        machine.define(revision, {1: group()}, frozen, {7: event_log()})
        machine.insert(view(f"/{revision}", NOW + revision))
    machine.run()
    assert shown(machine) == ["/1", "/3"]
    machine.define(4, {1: group()}, logs={8: event_log(name="other")})
    machine.insert(view("/4", NOW + 4))
    machine.run()
    assert shown(machine) == []
    assert shown(machine, 8) == ["/4"]
    assert machine.store.state_ids() == [1, 8]


def test_other_limits_go_on_with_what_is_there(machine: Machine) -> None:
    for revision, most in ((1, 3), (2, 1), (3, 2)):
        machine.define(revision, {}, logs={7: event_log(max_events=most)})
        machine.insert(view(f"/{revision}", NOW + revision))
        machine.run()
        assert len(shown(machine, log=event_log(max_events=most))) == min(revision, most)
    assert shown(machine) == ["/2", "/3"]


def test_what_is_too_old_is_not_kept(machine: Machine) -> None:
    machine.define(1, {}, logs={7: event_log()})
    machine.insert(view("/a"), view("/b", NOW + 1_000))
    machine.run()
    machine.now = NOW + 60_001
    machine.insert(view("/late", NOW + 0), view("/late", NOW, "unseen"), view("/c", NOW + 59_000))
    machine.run()
    assert shown(machine) == ["/b", "/c"]
    assert [len(machine.value(7, "s")), machine.profile(7, "unseen")] == [2, None]


def test_the_first_selection_that_matches_decides(machine: Machine) -> None:
    def kept(event: Wire, name: str) -> Wire:
        return {"event": event, "properties": [{"type": "atomic", "name": name, "output_name": "path"}]}

    log = event_log(
        max_events=9,
        events=[
            kept({"event_specification_id": "spec"}, "event_id"),
            kept({"name": "search", "major_version": 2}, "page_title"),
            kept({"name": "search"}, "page_urlpath"),
            kept({"version": "1-0-0"}, "app_id"),
        ],
    )
    machine.define(1, {}, logs={7: log})
    facts: Wire = {"page_title": "title", "app_id": "app"}
    column = "contexts_com_snowplowanalytics_snowplow_event_specification_1"
    machine.insert(
        view("/1", NOW + 1, event_name="search", event_version="2-1-0", **facts),
        view("/2", NOW + 2, event_name="search", event_version="20-0-0", **facts),
        view("/3", NOW + 3, event_name="search", event_version=None, **facts),
        view("/4", NOW + 4, event_version="1-0-0", **facts, **{column: [{"id": "spec"}]}),
        view("/5", NOW + 5, event_version="1-0-0", **facts, **{column: [{"id": ["spec"]}]}),
        view("/6", NOW + 6, event_version="1-0-1", **facts),
    )
    machine.run()
    assert shown(machine, log=log) == ["title", "/2", "/3", f"/4-{NOW + 4}", "app"]
    assert machine.engine.statistics.errors == 0


def test_a_log_that_cannot_be_kept_does_not_stop_the_others(machine: Machine) -> None:
    machine.define(1, {1: group()}, logs={6: {"name": "odd"}, 7: event_log()})
    machine.insert(view("/a"))
    machine.run()
    assert (shown(machine), machine.value(1, "u")) == (["/a"], 1)


def test_an_event_that_no_log_selects_is_handled_as_if_there_were_none(machine: Machine) -> None:
    """The same code runs for it, and nothing else."""
    machine.define(1, {1: group()})
    machine.run()
    alone = machine.engine._program._binder("page_ping" if machine.engine._program._selected_by else ())
    machine.define(2, {1: group()}, logs={7: event_log()})
    machine.run()
    program = machine.engine._program
    assert program._selected_by == ("event_name",)
    assert program._binder("page_ping").__code__.co_code == alone.__code__.co_code  # type: ignore[union-attr]
    assert program._logs_binder({"event_name": "page_ping"}) is None
    assert program._logs_binder({"event_name": "page_view"}) is not None


def _full(*nothing: object) -> None:
    raise StoreFullError("no room")
