"""A server for people who are erased, and the figures of what was found and removed."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import Server
from people import FIGURES, SETTINGS, People


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if FIGURES:
        terminalreporter.section("erasing people")
        for line in FIGURES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that remembers all it can, and posts to nobody for long."""
    running = Server(tmp_path_factory.mktemp("erasure") / "data", settings=SETTINGS)
    yield running
    running.close()


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[People]:
    """A client of the server, with definitions under every kind of key."""
    client = People(server)
    client.publish()
    yield client
    client.http.close()
