"""Servers that agents call."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import Agent, bearer, over_http
from conftest import Server
from process_shop import Shop


def publish(server: Server) -> None:
    """The tutorial, an event log with a draft beside it, and one that is a draft only."""
    shop = Shop(server.url, server.token)
    shop.publish()
    log = {
        "description": "What a shopper did.",
        "prompt": "Help this shopper.",
        "attribute_key": {"name": "domain_sessionid"},
        "events": [
            {
                "event": {"name": "snowplow_ecommerce_action"},
                "properties": [{"type": "atomic", "name": "event_name", "output_name": "event_name"}],
            }
        ],
        "max_events": 50,
        "max_age_seconds": 1800,
    }
    for method, path, body in (
        ("POST", "registry/event_logs", log | {"name": "recent_activity"}),
        ("POST", "registry/event_logs", log | {"name": "a_draft"}),
        ("POST", "engines/publish", {"event_logs": [{"name": "recent_activity"}]}),
        ("PUT", "registry/event_logs/recent_activity", log | {"max_events": 5}),
    ):
        answer = shop.http.request(method, f"/api/v1/{path}", json=body, headers=shop.auth)
        assert answer.is_success, answer.text
    shop.http.close()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two web processes, settings as they come, and definitions published."""
    running = Server(tmp_path_factory.mktemp("busy") / "data", "--workers", "2")
    publish(running)
    yield running
    running.close()


@pytest.fixture(scope="module")
def drafting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that judges drafts and may be called by another name, with the same definitions."""
    folder = tmp_path_factory.mktemp("drafting")
    settings = '[mcp]\ndrafts = true\nhosts = ["signals.example.com"]\norigins = ["https://chat.example.com"]\n'
    data = folder / "data"
    data.mkdir()
    for started_in in (folder, data):  # the tools on standard input, and the server
        Path(started_in, "snowmelt.toml").write_text(settings)
    running = Server(data)
    publish(running)
    yield running
    running.close()


@pytest.fixture
def agent(busy: Server) -> Agent:
    """Calls the busy server with its token."""
    return Agent(lambda conversation: over_http(busy, bearer(busy.token), conversation))


@pytest.fixture
def drafter(drafting: Server) -> Agent:
    """Calls the server that judges drafts."""
    return Agent(lambda conversation: over_http(drafting, bearer(drafting.token), conversation))
