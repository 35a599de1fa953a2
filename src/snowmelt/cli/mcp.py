"""``snowmelt mcp``: the tools for agents, on standard input and output."""

from __future__ import annotations

from typing import Annotated

import typer

from snowmelt.cli.config import DataDirOption, load_settings
from snowmelt.cli.connection import Server, TokenOption, UrlOption, named_server
from snowmelt.cli.errors import CommandError


def mcp(
    drafts: Annotated[
        bool | None,
        typer.Option(
            "--drafts/--no-drafts",
            help="Offer a tool that says what publishing a definition would do.  [default: as set in mcp.drafts]",
        ),
    ] = None,
    data_dir: DataDirOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let an agent read attributes, on standard input and output.

    The agent's program starts this command and speaks the Model Context Protocol with it; the tools ask the
    server. A server answers the same at /mcp, for agents that can call it.

    \b
    Example:
      snowmelt mcp --url https://signals.example.com --token KEY
    """
    import asyncio

    from snowmelt.mcp.extra import INSTALL, is_installed
    from snowmelt.runtimes.logs import configure_logs

    if not is_installed():
        raise CommandError(f"agents need an extra that is not installed: {INSTALL}")
    settings = load_settings(data_dir=data_dir)
    server = named_server(url, token, settings)
    configure_logs("warning")
    asyncio.run(_serve(server, settings.mcp.drafts if drafts is None else drafts))


async def _serve(server: Server, drafts: bool) -> None:
    from snowmelt.mcp.client_source import ClientSource
    from snowmelt.mcp.protocol import protocol_server, serve_stdio
    from snowmelt.mcp.tools import tools
    from snowmelt.sdk.async_client import AsyncSignalsSandbox

    async with AsyncSignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        await serve_stdio(protocol_server(ClientSource(signals), tools(drafts=drafts)))
