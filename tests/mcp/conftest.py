"""Servers that agents call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import Agent, bearer, over_http
from conftest import Server
from process_shop import Shop


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two web processes, settings as they come, and the tutorial published."""
    running = Server(tmp_path_factory.mktemp("busy") / "data", "--workers", "2")
    shop = Shop(running.url, running.token)
    shop.publish()
    shop.http.close()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def drafting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that judges drafts and may be called by another name, with the tutorial published."""
    folder = tmp_path_factory.mktemp("drafting")
    settings = '[mcp]\ndrafts = true\nhosts = ["signals.example.com"]\norigins = ["https://chat.example.com"]\n'
    Path(folder, "snowmelt.toml").write_text(settings)
    running = Server(folder / "data")
    shop = Shop(running.url, running.token)
    shop.publish()
    shop.http.close()
    yield running
    running.stop()


@pytest.fixture
def agent(busy: Server) -> Agent:
    """Calls the busy server with its token."""
    return Agent(lambda conversation: over_http(busy, bearer(busy.token), conversation))


@pytest.fixture
def drafter(drafting: Server) -> Agent:
    """Calls the server that judges drafts."""
    return Agent(lambda conversation: over_http(drafting, bearer(drafting.token), conversation))
