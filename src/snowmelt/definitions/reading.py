"""What a client must offer, so that definitions can be read through it."""

from typing import TYPE_CHECKING, Any, Protocol

from snowmelt.definitions.enums import ContextFormat

if TYPE_CHECKING:
    from snowmelt.definitions.event_log import AgenticContextResponse


class AttributeReader(Protocol):
    """Reads attributes of one profile; the client of the SDK does."""

    def get_group_attributes(
        self, name: str, version: int, attributes: list[str] | str, attribute_key: str, identifier: str
    ) -> dict[str, Any]:
        """Some attributes of one version of a group."""

    def get_service_attributes(self, name: str, attribute_key: str, identifier: str) -> dict[str, Any]:
        """All attributes of a service."""


class ContextReader(Protocol):
    """Reads event logs; the client of the SDK does."""

    def get_agentic_context(
        self, name: str, identifier: str, format: ContextFormat = "json"
    ) -> "AgenticContextResponse | str":
        """What happened lately under an identifier."""
