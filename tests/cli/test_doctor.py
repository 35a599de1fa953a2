"""``snowmelt doctor`` and ``snowmelt bench``: what they look at, and what they say."""

from pathlib import Path
from typing import Any

import pytest

from snowmelt.cli import checks
from snowmelt.cli.checks import filesystem_of


def test_a_sound_folder(run: Any, data: Path) -> None:
    data.chmod(0o700)
    result = run("doctor", "--data-dir", data)
    assert result.exit_code == 0, result.stdout
    assert "✗" not in result.stdout
    for looked_at in ("Python 3.", "lmdb ", "open files", "clock", "free space", "filesystem", "synced write"):
        assert f"✓ {looked_at}" in result.stdout or looked_at in result.stdout
    assert "- no server runs on this data folder\n" in result.stdout
    assert list(data.iterdir()) == []


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("LEAST_FREE", 2**80, "✗ free space"),
        ("SLOW_SYNC_MS", 0.0, "✗ a synced write takes"),
        ("LEAST_FILES", 2**62, "✗ open files"),
        ("YEAR_2100", 0, "✗ clock"),
        ("DEPENDENCIES", ("no-such-package",), "✗ no-such-package is not installed"),
    ],
)
def test_each_check_can_fail(
    run: Any, data: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: Any, said: str
) -> None:
    monkeypatch.setattr(checks, limit, value)
    result = run("doctor", "--data-dir", data)
    assert result.exit_code == 1
    assert said in result.stdout


def test_a_server_that_left_its_address_behind(run: Any, data: Path) -> None:
    (data / "server.address").write_text("http://127.0.0.1:9")
    result = run("doctor", "--data-dir", data)
    assert result.exit_code == 1
    assert "✗ the server at http://127.0.0.1:9 does not answer" in result.stdout


def test_an_event_that_nobody_applies(run: Any, data: Path, tmp_path: Path) -> None:
    from snowmelt.stores.profiles import ProfileStore

    ProfileStore(data / "profiles").close()
    (tmp_path / "one.json").write_text('{"app_id": "shop"}\n')
    assert run("ingest", "one.json", "--format", "enriched-json", "--data-dir", data).exit_code == 0
    result = run("doctor", "--data-dir", data)
    assert result.exit_code == 1
    assert "✗ the engine is 1 records behind" in result.stdout


def test_the_filesystem_is_that_of_the_longest_mount(tmp_path: Path) -> None:
    assert filesystem_of(Path("/proc/self")) == "proc"
    assert filesystem_of(tmp_path) != "proc"


def test_bench_measures_five_things_beside_decoding(run: Any) -> None:
    result = run("bench", "--events", 2_000)
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert rows[0] == ["what", "rate", "to decoding alone"]
    assert len(rows) == 6
    assert [row[0] for row in rows if row[2] == "1.00"] == ["events decoded, nothing else"]
