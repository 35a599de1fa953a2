"""The tools as the official SDK serves them: the only module that knows the protocol."""

import logging
from collections.abc import Sequence
from typing import Any

import structlog
from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as OfferedTool
from pydantic import ValidationError

from snowmelt import __version__
from snowmelt.definitions.problems import problems_of
from snowmelt.errors import SnowmeltError
from snowmelt.mcp.source import Source
from snowmelt.mcp.tools import INSTRUCTIONS, Tool

log = structlog.get_logger("snowmelt.mcp")


def protocol_server(source: Source, tools: Sequence[Tool[Any]]) -> Server[Any]:
    """Serves tools.

    Args:
        source: what they read.
        tools: that are offered.
    """
    offered = ListToolsResult(tools=[_offered(tool) for tool in tools])
    by_name = {tool.name: tool for tool in tools}

    async def list_tools(context: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
        return offered

    async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name}; there are {', '.join(by_name)}.")
        return await _called(tool, source, params.arguments or {})

    return Server(
        "snowmelt",
        version=__version__,
        title="Snowmelt",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def http_sessions(server: Server[Any], hosts: Sequence[str], origins: Sequence[str]) -> StreamableHTTPSessionManager:
    """Serves streamable HTTP without sessions, so that any process can answer any request.

    Args:
        server: what is served.
        hosts: names that requests may go to, ``:*`` for any port; none: all.
        origins: web pages that may call, where names are checked.
    """
    # It tells at every request that it begins and ends.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=bool(hosts), allowed_hosts=list(hosts), allowed_origins=list(origins)
    )
    return StreamableHTTPSessionManager(server, json_response=True, stateless=True, security_settings=security)


async def serve_stdio(server: Server[Any]) -> None:
    """Serve on standard input and output until the input ends."""
    async with stdio_server() as (requests, answers):
        await server.run(requests, answers, server.create_initialization_options())


def _offered(tool: Tool[Any]) -> OfferedTool:
    return OfferedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.answer.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False),
    )


async def _called(tool: Tool[Any], source: Source, given: dict[str, Any]) -> CallToolResult:
    try:
        answer = await tool.answer_to(source, given)
    except ValidationError as error:
        return _failure("\n".join(str(problem) for problem in problems_of(error)))
    except SnowmeltError as error:
        return _failure(str(error))
    except Exception as error:
        log.error("tool_failed", tool=tool.name, exc_info=error)
        return _failure("Something went wrong that should not have. The log says more.")
    return CallToolResult(
        content=[TextContent(type="text", text=answer.as_text())],
        structured_content=answer.model_dump(mode="json"),
    )


def _failure(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
