"""Agents: the official SDK's client, on a server over HTTP or on whatever it can connect to."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from conftest import Server

T = TypeVar("T")
Conversation = Callable[[Client], Awaitable[T]]


def over_http(server: Server, headers: dict[str, str], conversation: Conversation[T], mode: str = "auto") -> T:
    """What comes of a conversation at ``/mcp``, which sends ``headers`` with every request."""

    async def main() -> T:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http), mode=mode) as client,
        ):
            return await conversation(client)

    return asyncio.run(main())


def over_stdio(
    server: Server,
    options: Sequence[str],
    conversation: Conversation[T],
    mode: str = "auto",
    env: Mapping[str, str] | None = None,
) -> T:
    """What comes of a conversation with ``snowmelt mcp``, started as a desktop program starts it."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "snowmelt", "mcp", *options],
        env={name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")} | dict(env or {}),
        cwd=server.data_dir.parent,
    )

    async def main() -> T:
        async with Client(command, mode=mode) as client:
            return await conversation(client)

    return asyncio.run(main())


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


class Agent:
    """Calls tools of one server, each time with a new connection.

    Args:
        converse: has one conversation.
    """

    def __init__(self, converse: Callable[[Conversation[Any]], Any]) -> None:
        self._converse = converse

    def tools(self) -> list[Any]:
        """The tools that are offered."""

        async def ask(client: Client) -> list[Any]:
            return (await client.list_tools()).tools

        return self._converse(ask)

    def call(self, tool: str, **arguments: Any) -> Any:
        """The result of a call."""

        async def ask(client: Client) -> Any:
            return await client.call_tool(tool, arguments)

        return self._converse(ask)

    def answer(self, tool: str, **arguments: Any) -> Any:
        """The structured answer of a call that must succeed."""
        result = self.call(tool, **arguments)
        assert not result.is_error, result.content
        return result.structured_content

    def refusal(self, tool: str, **arguments: Any) -> str:
        """The text of a call that must fail."""
        result = self.call(tool, **arguments)
        assert result.is_error, result.content
        assert result.structured_content is None
        (content,) = result.content
        return content.text


def outside(server: Server, *options: str, mode: str = "auto", env: Mapping[str, str] | None = None) -> Agent:
    """Calls a server by way of ``snowmelt mcp``."""
    given = options or ("--data-dir", str(server.data_dir))
    return Agent(lambda conversation: over_stdio(server, given, conversation, mode, env))
