"""The source of the tools outside of the server: the client of the SDK."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from snowmelt.definitions import AgenticContextResponse, AttributeGroup, EventLog, Service
from snowmelt.definitions.enums import ContextFormat
from snowmelt.definitions.wire import AttributeGroupPlan
from snowmelt.mcp.source import ToolError, Values
from snowmelt.sdk.async_client import AsyncSignalsSandbox
from snowmelt.sdk.errors import SignalsAPIError


class ClientSource:
    """Asks a server.

    Args:
        signals: its client.
    """

    def __init__(self, signals: AsyncSignalsSandbox) -> None:
        self._signals = signals

    async def groups(self) -> Sequence[AttributeGroup]:
        """Every published version of every group, by name and version."""
        with _in_its_words():
            return [group for group in await self._signals.registry.list_attribute_groups() if group.is_published]

    async def services(self) -> Sequence[Service]:
        """Every published service, by name."""
        with _in_its_words():
            return [service for service in await self._signals.registry.list_services() if service.is_published]

    async def read_service(self, name: str, key: str, identifier: str) -> Values:
        """The present values of a published service."""
        with _in_its_words():
            return await self._signals.get_service_attributes(name, key, identifier)

    async def read_group(self, name: str, version: int, attributes: Sequence[str], key: str, identifier: str) -> Values:
        """The present values of some attributes of a group version."""
        with _in_its_words():
            return await self._signals.get_group_attributes(name, version, list(attributes), key, identifier)

    async def contexts(self) -> Sequence[EventLog]:
        """Every published event log, by name; of one that has a draft, the draft."""
        with _in_its_words():
            logs = await self._signals.registry.list_event_logs()
        return [log for log in logs if log.is_published or log.has_published_version]

    async def read_context(self, name: str, identifier: str, format: ContextFormat) -> AgenticContextResponse | str:
        """The latest events of one session; as a narrative, text."""
        with _in_its_words():
            return await self._signals.get_agentic_context(name, identifier, format)

    async def plan_group(self, definition: Mapping[str, Any]) -> AttributeGroupPlan:
        """What publishing a definition would do."""
        with _in_its_words():
            return await self._signals.registry.plan_attribute_group(definition)


@contextmanager
def _in_its_words() -> Iterator[None]:
    """An agent cannot use the advice that the client adds for programmers."""
    try:
        yield
    except SignalsAPIError as error:
        raise ToolError(error.detail) from error
