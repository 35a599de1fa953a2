"""What the tools and the door do when things are missing or break, without a server."""

import asyncio
import importlib.util
from typing import Any

import pytest
from mcp import Client
from structlog.testing import capture_logs

from snowmelt.api.auth import Refusal
from snowmelt.definitions import AttributeGroup, Service
from snowmelt.mcp.door import AgentsDoor
from snowmelt.mcp.protocol import protocol_server
from snowmelt.mcp.tools import tools


class BrokenSource:
    """Cannot list anything."""

    async def groups(self) -> list[AttributeGroup]:
        raise OSError("the disk with the secret name is on fire")

    async def services(self) -> list[Service]:
        return []


def test_what_nobody_foresaw_is_logged_and_not_told() -> None:
    async def converse() -> Any:
        source: Any = BrokenSource()
        async with Client(protocol_server(source, tools(drafts=False))) as client:
            return await client.call_tool("list_attribute_groups", {})

    with capture_logs() as logs:
        result = asyncio.run(converse())
    assert result.is_error
    assert result.content[0].text == "Something went wrong that should not have. The log says more."
    assert [(entry["event"], type(entry["exc_info"])) for entry in logs] == [("tool_failed", OSError)]


class OpenGate:
    """Lets everybody in."""

    def refusal(self, header: bytes | None, needed: str, scope: Any) -> Refusal | None:
        return None


def answered(door: AgentsDoor, method: str = "POST") -> tuple[int, bytes]:
    """Status and body of the door's answer to an empty request."""
    sent: list[Any] = []

    async def main() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await door({"type": "http", "method": method, "path": "/mcp", "headers": []}, receive, send)
        await door.close()

    asyncio.run(main())
    return sent[0]["status"], sent[1]["body"]


def test_a_server_without_the_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mcp" else find(name))
    gate: Any = OpenGate()
    status, body = answered(AgentsDoor(gate, lambda: pytest.fail("it is not built")))
    assert status == 501
    assert b"pip install 'snowmelt[mcp]'" in body


@pytest.mark.parametrize("where", ["build", "run"])
def test_an_sdk_that_cannot_be_started_is_an_incident_with_an_id(where: str) -> None:
    class Sessions:
        def run(self) -> Any:
            raise ImportError("a library is broken")

    def build() -> Any:
        if where == "build":
            raise ImportError("a library is broken")
        return Sessions()

    gate: Any = OpenGate()
    with capture_logs() as logs:
        status, body = answered(AgentsDoor(gate, build))
    assert status == 500
    (entry,) = logs
    assert entry["id"].encode() in body
    assert b"broken" not in body
