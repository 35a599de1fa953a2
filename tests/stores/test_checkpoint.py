"""Checkpoints: profiles that were not synced are trusted after a crash of a process, not of the machine."""

import errno
import shutil
import threading
from pathlib import Path

import pytest

from snowmelt.compute import state
from snowmelt.compute.profiles import Profiles
from snowmelt.stores import checkpoint as module
from snowmelt.stores.checkpoint import Checkpoints, boot_id
from snowmelt.stores.errors import StoreFullError
from snowmelt.stores.profiles import ProfileStore

MAP = 2**30


def advance(store: ProfileStore, position: int) -> None:
    profiles = Profiles(1)
    profiles["u"] = [state.VERSION, position]
    profiles.touched.append("u")
    with store.commit() as commit:
        commit.store({1: profiles})
        commit.position = position
        commit.definitions = b"definitions %d" % position


def contents(folder: Path) -> tuple[int, bytes | None, list[object] | None]:
    store = ProfileStore(folder, MAP)
    with store.commit() as commit:
        found = store.position, store.definitions, commit.loader(1)("u")
    store.close()
    return found


def at(position: int) -> tuple[int, bytes | None, list[object] | None]:
    return position, b"definitions %d" % position, [state.VERSION, position]


class Machine:
    """Can be started again, and its processes can die."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._boots = 0
        monkeypatch.setattr(module, "boot_id", lambda: f"boot {self._boots}")
        self.folder = folder
        self.checkpoints = Checkpoints(folder)
        self.checkpoints.recover()
        self.store = self.checkpoints.open(MAP)

    def die(self) -> None:
        """The engine's process ends without closing anything."""
        # Closing the environment without a sync leaves the files as death would, and lets this process open them.
        self.store._env.close()
        self.checkpoints = Checkpoints(self.folder)

    def power_cut(self) -> None:
        """As :meth:`die`, and the machine starts again; what was not synced may be rubbish."""
        self.die()
        self._boots += 1
        (self.folder / "profiles" / "data.mdb").write_bytes(b"rubbish")

    def recover(self) -> int | None:
        restored = self.checkpoints.recover()
        self.store = self.checkpoints.open(MAP)
        return restored


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_the_boot_id_holds_still_or_is_never_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boot_id() == boot_id() != ""
    monkeypatch.setattr(module, "_BOOT_ID", tmp_path / "no such file")
    assert boot_id() != boot_id()


def test_after_a_crash_of_the_process_the_profiles_are_used_as_they_are(machine: Machine) -> None:
    advance(machine.store, 5)
    machine.die()
    assert machine.recover() is None
    assert machine.store.position == 5


def test_after_a_clean_end_the_profiles_are_used_whatever_the_boot(machine: Machine) -> None:
    advance(machine.store, 5)
    machine.checkpoints.close(machine.store)
    machine._boots += 1
    assert machine.recover() is None
    assert machine.store.position == 5


def test_after_a_power_cut_without_a_checkpoint_all_is_applied_again(machine: Machine) -> None:
    advance(machine.store, 5)
    machine.power_cut()
    assert machine.recover() == 0
    assert (machine.store.position, machine.store.definitions) == (0, None)


def test_after_a_power_cut_the_profiles_are_put_back_to_the_checkpoint(machine: Machine) -> None:
    advance(machine.store, 5)
    assert machine.checkpoints.take(machine.store) == 5
    advance(machine.store, 8)
    machine.power_cut()
    assert machine.recover() == 5
    machine.die()
    assert contents(machine.folder / "profiles") == at(5)
    assert machine.recover() is None, "what was put back can be trusted until the next power cut"


def test_a_second_power_cut_while_it_is_put_back_does_no_harm(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance(machine.store, 5)
    machine.checkpoints.take(machine.store)
    machine.power_cut()
    with monkeypatch.context() as patch:
        patch.setattr(module, "sync_path", lambda path: (_ for _ in ()).throw(OSError("dark")))
        with pytest.raises(OSError, match="dark"):
            machine.checkpoints.recover()
    assert machine.recover() == 5


def test_a_newer_checkpoint_replaces_the_older(machine: Machine) -> None:
    for position in (1, 2, 3):
        advance(machine.store, position)
        assert machine.checkpoints.take(machine.store) == position
    machine.power_cut()
    assert machine.recover() == 3
    assert {path.name for path in machine.folder.iterdir()} == {"profiles", "profiles.checkpoint", "profiles.in-use"}


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param({"fresh": 9}, 0, id="the copy of a first checkpoint"),
        pytest.param({"checkpoint": 5, "fresh": 9}, 5, id="the copy of a later one"),
        pytest.param({"old": 5, "fresh": 9}, 5, id="between the two renames"),
        pytest.param({"checkpoint": 9, "old": 5}, 9, id="before the old one was removed"),
    ],
)
def test_a_checkpoint_that_was_interrupted_is_sorted_out(
    machine: Machine, tmp_path: Path, there: dict[str, int], expected: int
) -> None:
    for name, position in there.items():
        other = ProfileStore(tmp_path / f"profiles.{name}", MAP)
        advance(other, position)
        other.close()
    machine.power_cut()
    assert machine.recover() == expected
    assert not (tmp_path / "profiles.fresh").exists() and not (tmp_path / "profiles.old").exists()
    machine.die()
    assert contents(tmp_path / "profiles") == (at(expected) if expected else (0, None, None))


def test_an_interrupted_copy_is_in_nobodys_way(machine: Machine) -> None:
    advance(machine.store, 5)
    (machine.folder / "profiles.fresh").mkdir()
    (machine.folder / "profiles.fresh" / "data.mdb").write_bytes(b"half a copy")
    assert machine.checkpoints.take(machine.store) == 5
    machine.power_cut()
    assert machine.recover() == 5


def test_a_failed_checkpoint_keeps_the_one_before(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    advance(machine.store, 5)
    machine.checkpoints.take(machine.store)
    advance(machine.store, 6)
    with monkeypatch.context() as patch:
        patch.setattr(module, "sync_path", lambda path: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            machine.checkpoints.take(machine.store)
    machine.power_cut()
    assert machine.recover() == 5


def test_a_copy_is_one_moment_while_commits_go_on(machine: Machine) -> None:
    advance(machine.store, 1)
    enough = threading.Event()
    taken: list[int] = []

    def take() -> None:
        for _ in range(5):
            taken.append(machine.checkpoints.take(machine.store))
            copy = machine.folder / "profiles.checkpoint"
            shutil.copytree(copy, machine.folder / f"look-{len(taken)}")
        enough.set()

    thread = threading.Thread(target=take)
    thread.start()
    position = 1
    while not enough.is_set():
        position += 1
        advance(machine.store, position)
    thread.join()
    assert position > 5
    assert taken == sorted(taken)
    for number, place in enumerate(taken, 1):
        assert contents(machine.folder / f"look-{number}") == at(place)


def test_profiles_that_are_damaged_or_gone_are_put_back(machine: Machine) -> None:
    for harm in (lambda file: file.write_bytes(b"rubbish"), Path.unlink):
        advance(machine.store, machine.store.position + 5)
        position = machine.checkpoints.take(machine.store)
        advance(machine.store, position + 3)
        machine.die()
        harm(machine.folder / "profiles" / "data.mdb")
        assert machine.recover() == position
        assert machine.checkpoints.reason.startswith("they are")
        assert machine.store.position == position


def test_a_damaged_checkpoint_is_as_good_as_none(machine: Machine) -> None:
    advance(machine.store, 5)
    machine.checkpoints.take(machine.store)
    machine.power_cut()
    (machine.folder / "profiles.checkpoint" / "data.mdb").write_bytes(b"rubbish")
    assert machine.recover() == 0


def test_a_mark_that_a_killed_process_left_is_not_written_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance(machine.store, 5)
    machine.die()

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert machine.recover() is None
    machine.checkpoints.close(machine.store)
    with pytest.raises(StoreFullError, match="free disk space"):
        machine.recover()
    assert not list(machine.folder.glob("profiles.*")), "no half of a mark is left"


def test_a_checkpoint_that_fails_leaves_no_copy_behind(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    advance(machine.store, 5)
    assert machine.checkpoints.take(machine.store) == 5
    advance(machine.store, 6)

    def half(path: Path) -> None:
        (path / "data.mdb").write_bytes(b"half")
        raise StoreFullError("full")

    monkeypatch.setattr(machine.store, "copy", half)
    with pytest.raises(StoreFullError):
        machine.checkpoints.take(machine.store)
    assert sorted(path.name for path in machine.folder.glob("profiles.*")) == ["profiles.checkpoint", "profiles.in-use"]
