"""``snowmelt token``: the secret, and no folder where there was none."""

from pathlib import Path
from typing import Any

import pytest


def test_a_mistyped_folder_is_not_made(run: Any, tmp_path: Path) -> None:
    result = run("token", "--data-dir", tmp_path / "typo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"there is no data folder {tmp_path / 'typo'}" in result.stderr
    assert not (tmp_path / "typo").exists()


def test_the_folder_keeps_one_token(run: Any, data: Path) -> None:
    first = run("token", "--data-dir", data).stdout
    assert first.strip()
    assert run("token", "--data-dir", data).stdout == first


def test_a_token_that_is_set_needs_no_folder(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_SANDBOX_TOKEN", "chosen")
    assert run("token", "--data-dir", tmp_path / "none").stdout == "chosen\n"
    assert not (tmp_path / "none").exists()
