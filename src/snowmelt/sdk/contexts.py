"""Reading event logs (agentic contexts): one endpoint, as data or as text for a prompt."""

from urllib.parse import urlencode

from snowmelt.definitions import AgenticContextResponse
from snowmelt.definitions.enums import ContextFormat
from snowmelt.sdk.messages import Call, Request
from snowmelt.sdk.registry import parsed

PATH = "event_log"


def of_session(name: str, identifier: str, format: ContextFormat = "json") -> Call[AgenticContextResponse | str]:
    """What happened lately in one session."""
    question = urlencode({"name": name, "identifier": identifier, "format": format})
    response = yield Request("GET", f"{PATH}?{question}")
    if format == "narrative":
        return response.text()
    return parsed(response, AgenticContextResponse, response.json())
