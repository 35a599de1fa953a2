"""Requests as trackers send them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from snowmelt.enrichment.pipeline import Enriched, Enricher, Outcome
from snowmelt.events.payload import CollectorPayload

NOW_MS = 1741082406000
NETWORK_USERID = "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"
TP2 = "/com.snowplowanalytics.snowplow/tp2"

MakePayload = Callable[..., CollectorPayload]
SendEvents = Callable[..., list[Outcome]]


@pytest.fixture(scope="session")
def payload() -> MakePayload:
    """A payload with the usual collector facts; keyword arguments replace any of them."""

    def make(**changes: Any) -> CollectorPayload:
        facts: dict[str, Any] = {
            "timestamp": 1741082405570,
            "path": TP2,
            "headers": ["Host: c.shop.example"],
            "hostname": "c.shop.example",
            "ip_address": "94.15.213.171",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            "network_userid": NETWORK_USERID,
            "collector": "snowmelt-0.1.0-log",
        }
        return CollectorPayload(**facts | changes)

    return make


@pytest.fixture(scope="session")
def send(payload: MakePayload) -> SendEvents:
    """Outcomes of events POSTed in one body, each a page view plus the given parameters."""

    def post(*events: dict[str, Any], enricher: Enricher | None = None, **changes: Any) -> list[Outcome]:
        usual = {"e": "pv", "p": "web", "tv": "js-4.6.0"}
        data = [{name: value for name, value in (usual | event).items() if value is not None} for event in events]
        schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
        facts = {
            "body": msgspec.json.encode({"schema": schema, "data": data}),
            "content_type": "application/json; charset=utf-8",
        }
        return (enricher or Enricher()).enrich(payload(**facts | changes), NOW_MS)

    return post


@pytest.fixture(scope="session")
def get_pixel(payload: MakePayload) -> SendEvents:
    """Outcomes of one pixel request with the given parameters, escaped."""

    def get(parameters: dict[str, str], **changes: Any) -> list[Outcome]:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
        return Enricher().enrich(payload(path="/i", querystring=query, **changes), NOW_MS)

    return get


@pytest.fixture(scope="session")
def event_of(send: SendEvents) -> Callable[..., dict[str, Any]]:
    """The canonical event of a page view with the given parameters."""

    def enriched(parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
        [outcome] = send(parameters, **changes)
        assert isinstance(outcome, Enriched), outcome.reason
        return outcome.event

    return enriched


def described(name: str, data: Any, vendor: str = "com.acme", version: str = "1-0-0") -> dict[str, Any]:
    return {"schema": f"iglu:{vendor}/{name}/jsonschema/{version}", "data": data}


@pytest.fixture(scope="session")
def sdj() -> Callable[..., dict[str, Any]]:
    """A self-describing JSON."""
    return described


@pytest.fixture(scope="session")
def unstruct() -> Callable[[Any], str]:
    """A self-describing event in its wrapper, as text."""
    return lambda inner: wrapped("unstruct_event", "1-0-0", inner)


@pytest.fixture(scope="session")
def contexts() -> Callable[..., str]:
    """Entities in their wrapper, as text."""
    return lambda *items, version="1-0-0": wrapped("contexts", version, list(items))


def wrapped(name: str, version: str, data: Any) -> str:
    vendor = "com.snowplowanalytics.snowplow"
    return msgspec.json.encode(described(name, data, vendor, version)).decode()
