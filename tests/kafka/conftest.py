"""A broker, topics of it, and what reads them."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kafka.broker import Broker
from kafka.reading import Store


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all tests of a process; who kills it starts it again."""
    running = Broker(tmp_path_factory.mktemp("broker"))
    yield running
    running.close()


@pytest.fixture
def topic(broker: Broker) -> str:
    """A new topic with three partitions."""
    name = f"enriched-{uuid.uuid4().hex[:8]}"
    broker.make_topic(name, 3)
    return name


@pytest.fixture
def store(tmp_path: Path, broker: Broker, topic: str) -> Iterator[Callable[..., Store]]:
    """Makes data folders, by name, that read the topic in one group."""
    made: dict[str, Store] = {}

    def make(name: str = "a", **settings: Any) -> Store:
        if name not in made:
            made[name] = Store(tmp_path / name, broker, topic, settings)
        return made[name]

    yield make
    for each in made.values():
        each.close()
