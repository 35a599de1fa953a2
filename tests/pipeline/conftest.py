"""A collector whose requests go through enrichment, and short names for what becomes of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from collector_door import Door
from snowmelt.settings import CollectorSettings


@pytest.fixture
def make_door(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Makes collectors with some settings."""
    doors: list[Door] = []

    def make(**settings: Any) -> Door:
        folder = tmp_path / f"collector-{len(doors)}"
        folder.mkdir()
        doors.append(Door(folder, CollectorSettings.model_validate(settings)))
        return doors[-1]

    yield make
    for door in doors:
        door.close()


@pytest.fixture
def door(make_door: Callable[..., Door]) -> Door:
    """A collector with the settings that it has by default."""
    return make_door()
