"""The contract of an adapter, and the two ways in which a whole request fails."""

from typing import Any, ClassVar, Literal, Protocol

from snowmelt.enrichment.parameters import Parameters
from snowmelt.errors import SnowmeltError
from snowmelt.events.payload import CollectorPayload

AdapterCategory = Literal["adapter_failures", "tracker_protocol_violations"]

_SHOWN_CHARACTERS = 512


class Adapter(Protocol):
    """Reads the events out of one kind of request."""

    category: ClassVar[AdapterCategory]
    """What a request that it cannot read becomes."""

    def split(self, payload: CollectorPayload, query: dict[str, str | None]) -> list[Parameters]:
        """The parameters of each event.

        Args:
            payload: the request.
            query: its decoded query string; the adapter may change it.

        Raises:
            AdapterFailure: nothing can be read; carries every reason.
        """
        ...


class AdapterFailure(SnowmeltError):
    """No event can be read out of a request.

    Args:
        messages: what is wrong, in the shapes of a failed event.
    """

    def __init__(self, *messages: dict[str, Any]) -> None:
        super().__init__(f"{len(messages)} reasons")
        self.messages = list(messages)


class PayloadFormatFailure(SnowmeltError):
    """A recorded request is not one that a tracker can have meant.

    Args:
        field: of the payload.
        value: what it holds.
        expectation: what it should.
    """

    def __init__(self, field: str, value: str | None, expectation: str) -> None:
        super().__init__(f"{field}: {expectation}")
        self.message = {"payloadField": field, "value": value, "expectation": expectation}


def expected(field: str, value: str | None, expectation: str) -> dict[str, Any]:
    """The message for a field that holds something else than it should."""
    return {"field": field, "value": value, "expectation": expectation}


def shown(text: str) -> str:
    """The text, or its beginning if it is long: the whole of it is in the failed event's payload."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def body_text(payload: CollectorPayload) -> str:
    """The body as text, what is not UTF-8 as U+FFFD; empty if there is none."""
    return (payload.body or b"").decode("utf-8", "replace")


def is_json_type(content_type: str) -> bool:
    """Whether this is JSON in UTF-8, the only JSON trackers send.

    >>> is_json_type("application/json; charset=UTF-8"), is_json_type("text/plain")
    (True, False)
    """
    return content_type.replace(" ", "").lower() in ("application/json", "application/json;charset=utf-8")
