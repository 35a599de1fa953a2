"""Damaged files are found without harm to whoever looks, and named with what to do."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from snowmelt.stores.damage import DamagedError, damage_of, remedy
from snowmelt.stores.event_log import EventLog, Kind

PAGE = 4096


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 // PAGE * PAGE)


def cut_to_nothing_much(file: Path) -> None:
    os.truncate(file, 100)


def zeros(file: Path) -> None:
    overwrite(file, bytes(file.stat().st_size - 2 * PAGE))


def garbage(file: Path) -> None:
    overwrite(file, random.Random(5).randbytes(file.stat().st_size - 2 * PAGE))


def overwrite(file: Path, what: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(2 * PAGE)  # behind the two pages that tell what the file is
        opened.write(what)


def no_store(file: Path) -> None:
    file.write_bytes(random.Random(6).randbytes(10 * PAGE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = EventLog(tmp_path / "log")
    for number in range(200):
        log.append([(Kind.EVENTS, number, b"%d" % number * 1_000)])
    log.close()
    return tmp_path / "log"


@pytest.mark.parametrize("hurt", [cut_off, cut_to_nothing_much, zeros, garbage, no_store])
def test_damage_is_found_by_a_quick_look(folder: Path, tmp_path: Path, hurt: Callable[[Path], None]) -> None:
    other = EventLog(tmp_path / "other")
    other.append([(Kind.EVENTS, 0, b"whole")])
    other.close()
    hurt(folder / "data.mdb")
    for order in ([folder, other.path], [other.path, folder]):
        assert list(damage_of(order)) == [folder]


def test_what_is_whole_empty_or_not_there_is_not_damaged(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "data.mdb").touch()
    for thorough in (False, True):
        assert damage_of([folder, tmp_path / "empty", tmp_path / "nothing"], thorough=thorough) == {}


def test_damage_in_the_middle_is_found_by_a_thorough_look(folder: Path) -> None:
    file = folder / "data.mdb"
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2 // PAGE * PAGE)
        opened.write(random.Random(7).randbytes(PAGE))
    assert damage_of([folder]) == {}
    assert list(damage_of([folder], thorough=True)) == [folder]
    log = EventLog(folder)
    with pytest.raises(DamagedError, match=rf"the event log at {folder} is damaged .*: restore the data folder"):
        list(log.follow())
    log.close()


def test_a_file_of_something_else_cannot_be_opened(folder: Path) -> None:
    no_store(folder / "data.mdb")
    with pytest.raises(DamagedError, match=r"the event log at .* is damaged"):
        EventLog(folder)


@pytest.mark.parametrize("what", ["event log", "profile store", "outbox", "copy"])
def test_there_is_something_to_do(what: str, tmp_path: Path) -> None:
    assert "backup" in remedy(what, tmp_path) or f"move {tmp_path} away" in remedy(what, tmp_path)
