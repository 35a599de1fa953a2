"""Every name, call, argument and default of the vendor's client exists in ours."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

SURFACE = Path(__file__).with_name("surface.py")


def surface(sdk: Any) -> Any:
    done = subprocess.run(
        [str(sdk.python), str(SURFACE)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=sdk.environment(),
        cwd=SURFACE.parent,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def theirs(sdk_named: Any) -> Any:
    return surface(sdk_named("vendor"))


@pytest.fixture(scope="module")
def ours(sdk_named: Any) -> Any:
    return surface(sdk_named("compat"))


def test_the_names_are_the_same(theirs: Any, ours: Any) -> None:
    assert ours["names"] == theirs["names"]


def test_constructors_take_the_same_and_more_by_keyword_only(theirs: Any, ours: Any) -> None:
    for name, parameters in theirs["constructors"].items():
        mine = ours["constructors"][name]
        assert mine[: len(parameters)] == parameters
        assert all(kind == "KEYWORD_ONLY" and default for _, kind, default in mine[len(parameters) :])


def test_every_call_takes_the_same_arguments(theirs: Any, ours: Any) -> None:
    for face, calls in theirs["calls"].items():
        assert {name: ours["calls"][face].get(name) for name in calls} == calls
