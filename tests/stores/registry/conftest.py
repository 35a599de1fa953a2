"""A registry in a folder of its own, and definitions to put into it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from snowmelt.definitions import AttributeGroup, Service
from snowmelt.definitions.attribute_group import read_group
from snowmelt.stores.registry import Registry

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


@pytest.fixture
def registry(path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry.open(path, clock=clock) as registry:
        yield registry


@pytest.fixture
def group() -> Callable[..., AttributeGroup]:
    """Makes a stream group with one counter; any member can be given."""

    def make(name: str = "shop", version: int = 1, **members: Any) -> AttributeGroup:
        body = {
            "name": name,
            "version": version,
            "owner": "data@example.com",
            "attribute_key": {"name": "user_id"},
            "attributes": [{"name": "views", "type": "int32", "aggregation": "counter"}],
        }
        return read_group(body | members)

    return make


@pytest.fixture
def service() -> Callable[..., Service]:
    """Makes a service of (name, version) links."""

    def make(name: str, *links: tuple[str, int], **members: Any) -> Service:
        groups = [{"name": group, "version": version} for group, version in links]
        return Service.model_validate({"name": name, "owner": "data@example.com", "attribute_groups": groups} | members)

    return make
