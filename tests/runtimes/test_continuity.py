"""A data folder whose parts do not belong together is refused: going on would lose events without a word."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from machine import Machine, group
from snowmelt.runtimes.continuity import check_continuity, check_registry
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.profiles import ProfileStore


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """An engine that has counted something, and a registry beside it."""
    running = Machine(tmp_path)
    running.define(3, {1: group()})
    running.track("u", "v")
    running.run()
    (tmp_path / "registry.sqlite").touch()
    yield running
    running.close()


def check(machine: Machine, folder: Path) -> None:
    check_continuity(DataDir(folder), machine.log, machine.store)


def test_what_belongs_together_is_taken(machine: Machine, tmp_path: Path) -> None:
    check(machine, tmp_path)
    machine.track("w")
    check(machine, tmp_path)
    machine.run()
    machine.log.trim(machine.engine.position, 2**60)
    check(machine, tmp_path)


def test_a_new_folder_is_taken(tmp_path: Path) -> None:
    log, store = EventLog(tmp_path / "log"), ProfileStore(tmp_path / "profiles")
    check_continuity(DataDir(tmp_path), log, store)
    log.close()
    store.close()


def test_a_log_that_lost_what_was_counted_is_refused(machine: Machine, tmp_path: Path) -> None:
    machine.log.close()
    shutil.rmtree(tmp_path / "log")
    machine.log = EventLog(tmp_path / "log")
    with pytest.raises(StoreError, match=r"ends at record 0, but the profiles include record 2: .*from a backup"):
        check(machine, tmp_path)


def test_profiles_that_are_gone_while_the_log_begins_later_are_refused(machine: Machine, tmp_path: Path) -> None:
    machine.log.trim(1, 2**60)
    machine.store.close()
    shutil.rmtree(tmp_path / "profiles")
    machine.store = ProfileStore(tmp_path / "profiles")
    with pytest.raises(StoreError, match=r"up to record 0, but it begins at 2, .* from a backup"):
        check(machine, tmp_path)


def test_a_registry_that_is_gone_is_refused_with_and_without_profiles(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"registry.sqlite is gone, .*: restore it from a backup"):
            check(machine, tmp_path)
        machine.store.close()
        shutil.rmtree(tmp_path / "profiles", ignore_errors=True)
        machine.store = ProfileStore(tmp_path / "profiles")


def test_events_that_were_imported_before_the_first_start_need_no_registry(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.insert(b"{}")
    check(machine, tmp_path)
    machine.close()


def test_a_registry_that_is_older_than_what_the_engine_runs_is_refused(machine: Machine, tmp_path: Path) -> None:
    statistics = machine.store.statistics
    check_registry(DataDir(tmp_path), 3, statistics)
    check_registry(DataDir(tmp_path), 0, None)
    with pytest.raises(StoreError, match="is at revision 2, and the engine at 3"):
        check_registry(DataDir(tmp_path), 2, statistics)


def test_the_engine_gets_past_definitions_that_cannot_be_read(machine: Machine) -> None:
    machine.log.append([(Kind.DEFINITIONS, machine.now, b"\0\0 rubbish")])
    machine.track("u")
    machine.run()
    assert machine.value(1, "u") == 2
    [found] = machine.failed.list()
    assert (found.category, found.sequence) == ("generic_error", 3)
    machine.restart()
    assert machine.engine.position == 4
