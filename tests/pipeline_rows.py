"""What tests of the pipeline's edge cases share: requests, and one word for each outcome."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from collector_door import Headers, Reply
from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enriched, Outcome

TP2 = "/com.snowplowanalytics.snowplow/tp2"
JSON = ("Content-Type", "application/json; charset=UTF-8")
PAGE_VIEW = {"e": "pv", "p": "web", "tv": "js-4.6.0"}

WORDS = {
    "collector_payload_format_violation": "CF",
    "adapter_failures": "AF",
    "tracker_protocol_violations": "TP",
    "schema_violations": "SV",
    "enrichment_failures": "EF",
    "size_violation": "SZ",
}


class Ask(NamedTuple):
    """One request."""

    method: str = "GET"
    target: str = "/i?e=pv&p=web&tv=js-4.6.0"
    headers: Headers = ()
    body: bytes = b""


def payload_data(*events: dict[str, Any] | Any, version: int = 4) -> bytes:
    """The body that trackers send."""
    schema = f"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-{version}"
    return json.dumps({"schema": schema, "data": list(events)}).encode()


def post(*events: dict[str, Any], target: str = TP2, headers: Headers = (JSON,)) -> Ask:
    """A tracker's request."""
    return Ask("POST", target, headers, payload_data(*events))


def word(outcome: Outcome) -> str:
    """``good``, or the short name of the category."""
    return "good" if isinstance(outcome, Enriched) else WORDS.get(outcome.category, outcome.category)


def events(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """The events of those that are good."""
    return [outcome.event for outcome in outcomes if isinstance(outcome, Enriched)]


def messages(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """All messages of those that failed."""
    return [message for outcome in outcomes if isinstance(outcome, FailedEvent) for message in outcome.messages]


def reports(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    """Path and keyword of everything that a schema, or the table of columns, found wrong."""
    return [
        (report["path"], report["keyword"])
        for message in messages(outcomes)
        if isinstance(message.get("error"), dict)
        for report in message["error"].get("dataReports", [])
    ]


Check = Callable[[list[Reply], list[Any], list[Outcome]], bool]
