"""What the tools need of a server, wherever they run."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from snowmelt.definitions import AgenticContextResponse, AttributeGroup, EventLog, Service
from snowmelt.definitions.enums import ContextFormat
from snowmelt.definitions.wire import AttributeGroupPlan
from snowmelt.errors import SnowmeltError

Values = dict[str, Any]
"""The value of each attribute, by its name."""


class ToolError(SnowmeltError):
    """A tool cannot answer; the message goes to the agent as it is."""

    code = "tool"


class Source(Protocol):
    """Definitions and values.

    Every method raises ``SnowmeltError`` with the words of the API where it cannot answer.
    """

    async def groups(self) -> Sequence[AttributeGroup]:
        """Every published version of every group, by name and version."""

    async def services(self) -> Sequence[Service]:
        """Every published service, by name."""

    async def read_service(self, name: str, key: str, identifier: str) -> Values:
        """The present values of a published service."""

    async def read_group(self, name: str, version: int, attributes: Sequence[str], key: str, identifier: str) -> Values:
        """The present values of some attributes of a group version."""

    async def contexts(self) -> Sequence[EventLog]:
        """Every published event log, by name."""

    async def read_context(self, name: str, identifier: str, format: ContextFormat) -> AgenticContextResponse | str:
        """The latest events of one session; as a narrative, text."""

    async def plan_group(self, definition: Mapping[str, Any]) -> AttributeGroupPlan:
        """What publishing a definition would do."""
