"""The profile store: atomic commits, one writer, many readers."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from another_process import AnotherProcess, commit_position, read_profiles
from snowmelt.compute import state
from snowmelt.compute.profiles import Profiles
from snowmelt.stores import profiles as module
from snowmelt.stores.errors import PositionMovedError, StoreError, StoreFullError
from snowmelt.stores.profiles import ProfileReader, ProfileStore, profile_key

MB = 1024**2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProfileStore]:
    opened = ProfileStore(tmp_path / "profiles")
    yield opened
    opened.close()


def profile(*states: Any) -> list[Any]:
    return [state.VERSION, *states]


def changed(groups: dict[int, dict[str, list[Any]]]) -> dict[int, Profiles]:
    """Profiles that are all to be written."""
    profiles = {state_id: Profiles(1) for state_id in groups}
    for state_id, group in groups.items():
        profiles[state_id].update(group)
        profiles[state_id].touched += group
    return profiles


def put(store: ProfileStore, position: int, groups: dict[int, dict[str, list[Any]]]) -> None:
    with store.commit() as commit:
        commit.store(changed(groups))
        commit.position = position


def load(store: ProfileStore, state_id: int, key: str) -> list[Any] | None:
    with store.commit() as commit:
        return commit.loader(state_id)(key)


def test_a_new_store_is_empty_at_place_0(store: ProfileStore) -> None:
    assert (store.position, store.definitions, store.statistics) == (0, None, None)
    assert load(store, 1, "u") is None
    assert store.state_ids() == []


def test_what_is_committed_is_read_back(store: ProfileStore) -> None:
    put(store, 4, {1: {"u": profile(1), "é€": profile("x", None)}, 2: {"u": profile([1.5, {3: 4}])}})
    assert load(store, 1, "u") == profile(1)
    assert load(store, 1, "é€") == profile("x", None)
    assert load(store, 2, "u") == profile([1.5, {3: 4}])
    assert load(store, 2, "é€") is None
    assert store.position == 4


def test_other_processes_see_a_commit_at_once_and_never_half_of_one(
    store: ProfileStore, another_process: AnotherProcess
) -> None:
    put(store, 1, {1: {"u": profile(1)}})
    items = [(1, b"u"), (1, b"nobody"), (2, b"u")]
    with store.commit() as commit:
        commit.store(changed({1: {"u": profile(2)}, 2: {"u": profile(3)}}))
        commit.position, commit.statistics = 2, b"{}"
        inside = another_process(read_profiles, store.path, items)
    assert inside == (1, None, [state.encode(profile(1)), None, None])
    assert another_process(read_profiles, store.path, items) == (
        2,
        b"{}",
        [state.encode(profile(2)), None, state.encode(profile(3))],
    )


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_an_error_inside_a_commit_changes_nothing(store: ProfileStore, error: BaseException) -> None:
    put(store, 3, {1: {"u": profile(1)}})
    with pytest.raises(type(error)), store.commit() as commit:
        commit.store(changed({1: {"u": profile(9), "v": profile(9)}}))
        commit.position, commit.definitions, commit.statistics = 9, b"nine", b"nine"
        raise error
    assert (store.position, store.definitions, store.statistics) == (3, None, None)
    assert load(store, 1, "u") == profile(1)
    assert load(store, 1, "v") is None
    put(store, 4, {})
    assert store.position == 4


def test_position_definitions_and_statistics_are_kept(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path)
    with store.commit() as commit:
        commit.position, commit.definitions, commit.statistics = 7, b"seven", b"counts"
    assert (store.position, store.definitions, store.statistics) == (7, b"seven", b"counts")
    put(store, 8, {})
    assert (store.position, store.definitions, store.statistics) == (8, b"seven", b"counts")
    store.close()
    store = ProfileStore(tmp_path)
    assert (store.position, store.definitions, store.statistics) == (8, b"seven", b"counts")
    store.close()


def test_a_second_engine_is_noticed(store: ProfileStore, another_process: AnotherProcess) -> None:
    put(store, 1, {1: {"u": profile(1)}})
    another_process(commit_position, store.path, 5)
    with pytest.raises(PositionMovedError, match="at position 5, this engine left them at 1"):
        put(store, 2, {1: {"u": profile(2)}})
    assert another_process(read_profiles, store.path, [(1, b"u")]) == (5, None, [state.encode(profile(1))])


def test_a_full_store_changes_nothing_and_says_why(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path, map_size=MB)
    put(store, 1, {1: {"u": profile(1)}})
    with pytest.raises(StoreFullError, match=r"engine\.map_size"):
        put(store, 2, {1: {"u": profile(2)} | {f"k{number}": profile("x" * 400) for number in range(4_000)}})
    assert store.position == 1
    assert load(store, 1, "u") == profile(1)
    put(store, 2, {1: {"u": profile(3)}})
    store.close()
    store = ProfileStore(tmp_path, map_size=4 * MB)
    put(store, 3, {1: {f"k{number}": profile("x" * 400) for number in range(4_000)}})
    assert load(store, 1, "k3999") == profile("x" * 400)
    store.close()


KEYS = [
    "k" * 480,
    "k" * 481,
    "k" * 480 + "é",
    "k" * 480 + "e",
    "k" * 512,
    "é" * 240,
    "é" * 241,
    "é" * 256,
    "😀" * 121,
    "😀" * 128,
    "\0",
    "a\0",
]


@pytest.mark.parametrize("length", [1, 479, 480])
def test_a_key_of_up_to_480_bytes_is_stored_as_it_is(length: int) -> None:
    assert profile_key(258, b"k" * length) == b"\0\0\1\2" + b"k" * length


def test_a_longer_key_is_as_long_as_the_longest_plain_one_and_ends_in_its_hash() -> None:
    """What is stored outlives releases: a key that moved would be a profile that is lost."""
    identifier = b"k" * 480 + b"e"
    digest = blake2b(identifier, digest_size=32).digest()
    assert profile_key(1, identifier) == b"\0\0\0\1" + b"k" * 447 + b"\0" + digest


def test_only_what_was_touched_is_written(store: ProfileStore) -> None:
    put(store, 1, {1: {"u": profile(1), "v": profile(1)}})
    profiles = changed({1: {"u": profile(2), "v": profile(2)}})
    profiles[1].touched = ["u"]
    with store.commit() as commit:
        commit.store(profiles)
    assert (load(store, 1, "u"), load(store, 1, "v")) == (profile(2), profile(1))


def test_long_keys_are_told_apart(store: ProfileStore) -> None:
    assert len({profile_key(1, key.encode()) for key in KEYS}) == len(KEYS)
    assert all(len(profile_key(1, key.encode())) <= 511 for key in KEYS), "more is too long for LMDB"
    put(store, 1, {1: {key: profile(number) for number, key in enumerate(KEYS)}})
    assert [load(store, 1, key) for key in KEYS] == [profile(number) for number in range(len(KEYS))]


@given(st.sets(st.text(max_size=130) | st.sampled_from(KEYS), max_size=20))
def test_every_key_is_stored_where_it_is_looked_for(tmp_path_factory: pytest.TempPathFactory, keys: set[str]) -> None:
    store = ProfileStore(tmp_path_factory.mktemp("profiles"))
    wanted = {key: profile(number) for number, key in enumerate(keys - {""})}
    put(store, 1, {1: wanted})
    assert {key: load(store, 1, key) for key in wanted} == wanted
    store.close()


def test_purging_leaves_the_neighbours(store: ProfileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PURGE_CHUNK", 3)
    users = {f"u{number}": profile(number) for number in range(7)}
    put(store, 5, {1: users, 2: users, 3: users, 4_000_000_000: users})
    assert store.state_ids() == [1, 2, 3, 4_000_000_000]
    assert [store.purge(2), store.purge(2), store.purge(2)] == [True, True, False]
    assert store.state_ids() == [1, 3, 4_000_000_000]
    assert store.purge(2) is False
    assert store.purge(4_000_000_000) and store.purge(4_000_000_000) and not store.purge(4_000_000_000)
    assert {key: load(store, 1, key) for key in users} == users
    assert {key: load(store, 3, key) for key in users} == users
    assert store.position == 5


def test_reading_needs_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"profile store at .* cannot be opened"):
        ProfileReader(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_profile_of_a_newer_release_is_not_overwritten(store: ProfileStore) -> None:
    with store.commit() as commit:
        commit._txn.put(profile_key(1, b"u"), msgspec.msgpack.encode([state.VERSION + 1, 5]))
    with pytest.raises(ValueError, match="newer"):
        load(store, 1, "u")
