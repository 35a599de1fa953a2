"""Engines in temporary folders."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from machine import Machine


@pytest.fixture
def make_machine(tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    machines: list[Machine] = []

    def make(**options: Any) -> Machine:
        folder = tmp_path / f"machine-{len(machines)}"
        folder.mkdir()
        machines.append(Machine(folder, **options))
        return machines[-1]

    yield make
    for machine in machines:
        machine.close()


@pytest.fixture
def machine(make_machine: Callable[..., Machine]) -> Machine:
    return make_machine()
