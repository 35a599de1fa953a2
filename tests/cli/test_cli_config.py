"""Settings of commands, and the data folder that they name."""

from pathlib import Path
from typing import Any

import pytest

from snowmelt.cli.config import existing_data, load_settings
from snowmelt.cli.errors import CommandError


def test_flags_stand_above_the_environment_and_that_above_the_file(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("snowmelt.toml").write_text('host = "file"\nport = 1\nworkers = 2\n')
    monkeypatch.setenv("SNOWMELT_HOST", "environment")
    monkeypatch.setenv("SNOWMELT_PORT", "3")
    settings = load_settings(port=4, host=None)
    assert (settings.host, settings.port, settings.workers) == ("environment", 4, 2)


def test_a_wrong_variable_is_named(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_PORT", "eighty")
    result = run("token")
    assert result.exit_code == 1
    assert "port: " in result.stderr
    assert "SNOWMELT_" in result.stderr


def test_an_unreadable_file_is_named(run: Any) -> None:
    Path("snowmelt.toml").write_text("port = = 1")
    result = run("token")
    assert result.exit_code == 1
    assert "snowmelt.toml" in result.stderr


def test_a_data_folder_is_not_made_by_looking_at_it(run: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="snowmelt serve --data-dir"):
        existing_data(load_settings(data_dir=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_token_is_made_once_and_kept_secret(run: Any, data: Path) -> None:
    first = run("token", "--data-dir", data)
    assert first.exit_code == 0
    assert len(first.stdout.strip()) >= 32
    assert run("token", "--data-dir", data).stdout == first.stdout
    assert (data / "sandbox.token").stat().st_mode & 0o777 == 0o600


def test_token_as_set_is_not_stored(run: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_SANDBOX_TOKEN", "chosen")
    assert run("token", "--data-dir", data).stdout == "chosen\n"
    assert not (data / "sandbox.token").exists()
