"""A store that an earlier release left opens in this one: the same values, and the engine goes on from there."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

import state_fixture
from snowmelt.compute import state

INEXACT = {
    f"{name}_{scope}" for name in ("most_frequent", "category_count", "percentile") for scope in ("always", "ttl")
}
"""Of very many values these are only near the truth, and releases may differ in how."""

KEPT = sorted(path.name for path in state_fixture.FOLDER.glob("state_v*"))


def opened(name: str, folder: Path) -> Path:
    """A copy of a kept store, in a data folder."""
    (folder / "profiles").mkdir(parents=True)
    shutil.copy(state_fixture.FOLDER / name / "data.mdb", folder / "profiles" / "data.mdb")
    return folder


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((state_fixture.FOLDER / name / "group.json").read_bytes())
    return found


def test_every_version_is_kept() -> None:
    assert sorted(f"state_v{version}" for version in range(1, state.VERSION + 1)) == KEPT


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_store_reads_as_the_release_that_wrote_it_did(name: str, tmp_path: Path) -> None:
    expected = msgspec.json.decode((state_fixture.FOLDER / name / "values.json").read_bytes())
    found = state_fixture.values(opened(name, tmp_path) / "profiles", definition(name))
    assert msgspec.json.decode(msgspec.json.encode(found)) == expected


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_store_goes_on_as_if_this_release_had_begun_it(name: str, tmp_path: Path) -> None:
    lines = (state_fixture.FOLDER / name / "events.jsonl").read_bytes().splitlines()
    more = [line.replace(b"00000000-0000-4000-8000", b"11111111-0000-4000-8000") for line in lines[400:]]
    upgraded, fresh = opened(name, tmp_path / "upgraded"), tmp_path / "fresh"
    (fresh / "profiles").mkdir(parents=True)
    state_fixture.apply(upgraded, more, definition(name))
    state_fixture.apply(fresh, [*lines, *more], definition(name))
    found, expected = (state_fixture.values(folder / "profiles", definition(name)) for folder in (upgraded, fresh))
    names = [attribute["name"] for attribute in definition(name)["attributes"]]
    for now, users in expected.items():
        for user, values in users.items():
            for attribute, value, other in zip(names, values, found[now][user], strict=True):
                if attribute not in INEXACT or user != "many":
                    assert other == value, (now, user, attribute)
