"""The door for agents of a running server, put together."""

import ipaddress
from collections.abc import Iterator

from snowmelt.api.app import Api
from snowmelt.mcp.door import AgentsDoor, Sessions
from snowmelt.settings import McpSettings
from snowmelt.stores.registry import Registry

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def agents_door(settings: McpSettings, address: str, registry: Registry, api: Api) -> AgentsDoor:
    """What serves ``/mcp``.

    Args:
        settings: of it.
        address: that the server listens on.
        registry: the definitions.
        api: reads values and event logs, and knows who may.
    """

    def build() -> Sessions:
        # Importing it takes longer than all the rest of the start together.
        from snowmelt.mcp.protocol import http_sessions, protocol_server
        from snowmelt.mcp.registry_source import RegistrySource
        from snowmelt.mcp.tools import tools

        source = RegistrySource(registry, api.online, api.contexts)
        server = protocol_server(source, tools(drafts=settings.drafts))
        hosts = list(allowed_hosts(settings.hosts, address))
        origins = [f"http://{name}:*" for name in LOCAL_HOSTS] if hosts else []
        return http_sessions(server, hosts, [*origins, *settings.origins])

    return AgentsDoor(api.gate, build)


def allowed_hosts(named: list[str], address: str) -> Iterator[str]:
    """The names under which agents may call, each without and with any port; none: any name.

    A page in a browser can make its own name lead to this machine; it cannot change the name that it calls. Where
    only this machine can call, the names are therefore known. Elsewhere nobody but the operator knows them.

    Args:
        named: in the settings.
        address: that the server listens on.

    >>> list(allowed_hosts([], "0.0.0.0")), list(allowed_hosts(["a.example"], "0.0.0.0"))[:2]
    ([], ['a.example', 'a.example:*'])
    """
    if named or ipaddress.ip_address(address).is_loopback:
        for name in (*named, *LOCAL_HOSTS):
            yield from (name, f"{name}:*")
