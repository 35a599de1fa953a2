"""The source of the tools inside of the server: the code behind the API, without HTTP in between."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from snowmelt.api.contexts import Contexts
from snowmelt.api.online import MalformedRequest, OnlineAttributes, ReadRequest
from snowmelt.definitions import AgenticContextResponse, AttributeGroup, EventLog, Service
from snowmelt.definitions.enums import ContextFormat
from snowmelt.definitions.wire import AttributeGroupPlan
from snowmelt.mcp.source import ToolError, Values
from snowmelt.stores.registry import Registry


class RegistrySource:
    """Reads the registry in threads, and values on the event loop as the API does.

    Args:
        registry: the definitions.
        online: reads values.
        contexts: reads event logs.
    """

    def __init__(self, registry: Registry, online: OnlineAttributes, contexts: Contexts) -> None:
        self._registry = registry
        self._online = online
        self._contexts = contexts

    async def groups(self) -> Sequence[AttributeGroup]:
        """Every published version of every group, by name and version."""
        stored = await asyncio.to_thread(self._registry.groups.all, published_only=True)
        return [one.group for one in stored]

    async def services(self) -> Sequence[Service]:
        """Every published service, by name."""
        stored = await asyncio.to_thread(self._registry.services.all)
        return [one.service for one in stored if one.service.is_published]

    async def read_service(self, name: str, key: str, identifier: str) -> Values:
        """The present values of a published service."""
        return await self._read(ReadRequest({key: [identifier]}, service=name))

    async def read_group(self, name: str, version: int, attributes: Sequence[str], key: str, identifier: str) -> Values:
        """The present values of some attributes of a group version."""
        names = [f"{name}_v{version}:{attribute}" for attribute in attributes]
        return await self._read(ReadRequest({key: [identifier]}, attributes=names))

    async def contexts(self) -> Sequence[EventLog]:
        """Every published event log, by name."""
        return self._contexts.published()

    async def read_context(self, name: str, identifier: str, format: ContextFormat) -> AgenticContextResponse | str:
        """The latest events of one session; as a narrative, text."""
        context = self._contexts.read(name, identifier, format)
        return context if isinstance(context, str) else AgenticContextResponse.model_validate(context)

    async def plan_group(self, definition: Mapping[str, Any]) -> AttributeGroupPlan:
        """What publishing a definition would do."""
        # The framework comes with it, which the hot door does without.
        from snowmelt.api.plans import plan_group

        return await asyncio.to_thread(plan_group, self._registry, dict(definition))

    async def _read(self, request: ReadRequest) -> Values:
        try:
            columns = await self._online.columns(request)
        except MalformedRequest as error:
            raise ToolError(str(error)) from error
        return {name: column[0] for name, column in columns.items()}
