"""The alias package: the public SDK's import paths, the same objects."""

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import snowmelt

COMPAT = Path(__file__).resolve().parents[2] / "compat"
MODULES = sorted(path.stem for path in (COMPAT / "src/snowplow_signals").glob("*.py") if path.stem != "__init__")


@pytest.fixture
def alias(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(COMPAT / "src")
    module = importlib.import_module("snowplow_signals")
    assert Path(str(module.__file__)).is_relative_to(COMPAT)
    yield module
    for name in [name for name in sys.modules if name.split(".")[0] == "snowplow_signals"]:
        del sys.modules[name]


def test_every_public_name_is_the_same_object(alias: Any) -> None:
    ours = {"DefinitionError", "Problem", "Retry", "SnowmeltError"}
    expected = [
        name
        for name in snowmelt.__all__
        if name not in ours
        and not name.startswith("Async")
        and (not name.endswith("Error") or name == "SignalsAPIError")
    ]
    assert alias.__all__ == expected
    assert all(getattr(alias, name) is getattr(snowmelt, name) for name in expected)


def test_the_import_paths_of_the_public_sdk_exist() -> None:
    assert MODULES == ["api_client", "definitions", "models", "signals"]


@pytest.mark.parametrize("path", MODULES)
def test_submodules_hold_the_same_objects(alias: Any, path: str) -> None:
    module = importlib.import_module(f"snowplow_signals.{path}")
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        value = getattr(module, name)
        assert value is getattr(alias, name, value)
        assert value.__module__.split(".")[0] == "snowmelt"


def test_the_distribution_needs_only_snowmelt_and_has_a_version_of_its_own() -> None:
    project = tomllib.loads((COMPAT / "pyproject.toml").read_text())["project"]
    assert project["name"] == "snowmelt-compat"
    assert [dependency.split(">")[0] for dependency in project["dependencies"]] == ["snowmelt"]
    assert project["version"].count(".") == 2
    assert "snowplow-signals" in (COMPAT / "README.md").read_text()
