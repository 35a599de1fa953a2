"""``snowmelt mcp`` where it cannot work; how it works is tested in tests/mcp."""

import importlib.util
from typing import Any

import pytest


def test_the_command_without_the_extra_says_how_to_install_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "mcp" else find(name, *more))
    result = run("mcp")
    assert result.exit_code == 1
    assert "pip install 'snowmelt[mcp]'" in result.stderr


def test_drafts_are_a_flag_that_is_explained(run: Any) -> None:
    assert "--drafts / --no-drafts" in run("mcp", "--help").stdout
