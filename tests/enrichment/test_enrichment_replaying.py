"""A failed event becomes a request again that brings the same event."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enriched, Enricher
from snowmelt.enrichment.replaying import NotReplayable, replay_of
from snowmelt.enrichment.validation import Verdict
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.schema_key import SchemaKey
from snowmelt.stores.failed_events import Failed

SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
ORDER = "iglu:com.acme/order/jsonschema/1-0-0"
CO = json.dumps({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-1", "data": [{"schema": ORDER, "data": {"a": 1.50}}]})
NOW = 1_741_082_405_200
USER = "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"


class NoSchemas:
    """Knows no schema but those of the wrappers of requests."""

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        known = key.name in ("payload_data", "uri_redirect")
        return Verdict() if known else Verdict({"error": "ResolutionError", "lookupHistory": []})


def tp2(*events: dict[str, str], **facts: Any) -> CollectorPayload:
    body = json.dumps({"schema": f"{SNOWPLOW}/payload_data/jsonschema/1-0-4", "data": list(events)}).encode()
    usual: dict[str, Any] = {
        "timestamp": 1_741_082_405_158,
        "path": "/com.snowplowanalytics.snowplow/tp2",
        "body": body,
        "content_type": "application/json",
        "headers": ["X-Forwarded-For: 192.0.2.1", "Cookie: a=b"],
        "hostname": "c.example",
        "ip_address": "192.0.2.9",
        "user_agent": "Mozilla/5.0 (Ø)",
        "referer": "https://shop.example/?a=ü",
        "network_userid": USER,
        "collector": "snowmelt-1",
    }
    return CollectorPayload(**usual | facts)


def get(path: str, query: str) -> CollectorPayload:
    return tp2(path=path, querystring=query, body=None, content_type=None)


EVENT = {
    "e": "pv",
    "p": "web",
    "tv": "js",
    "co": CO,
    "page": "a b+c;&=%\n🦜",
    "eid": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01",
}
REQUESTS = {
    "body": tp2(EVENT),
    "body and query": tp2(EVENT, querystring="aid=x&page=y+z&nothing"),
    "pixel": get("/i", "e=pv&p=web&empty=&nothing&co=" + quote(CO)),
    "webhook": get("/com.snowplowanalytics.iglu/v1", f"schema={ORDER}&user=6&name=&aid=z"),
    "no network user": tp2(EVENT, network_userid=None, headers=[], referer=None),
}


def kept(outcome: Any, item: int = 0) -> Failed:
    """A failed event as it comes out of the store."""
    assert isinstance(outcome, FailedEvent)
    row = json.loads(json.dumps(outcome.row()))
    return Failed(1, item, NOW, outcome.category, outcome.reason, row, outcome.whole)


def good(outcome: Any) -> dict[str, Any]:
    assert isinstance(outcome, Enriched), outcome
    return outcome.event


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_event_comes_of_it(name: str) -> None:
    [failed] = Enricher(steps=(), validator=NoSchemas()).enrich(REQUESTS[name], NOW)
    replay = replay_of(kept(failed), NOW)
    [again] = Enricher().enrich(replay.payload, NOW)
    [wanted] = Enricher().enrich(REQUESTS[name], NOW)
    event = good(again)
    assert event["event_id"] == failed.event_id
    assert event == good(wanted) | {"event_id": failed.event_id}


def test_an_event_is_taken_out_of_its_request() -> None:
    _, failed = Enricher(steps=(), validator=NoSchemas()).enrich(tp2({"e": "pv", "p": "web", "tv": "js"}, EVENT), NOW)
    [again] = Enricher().enrich(replay_of(kept(failed, 1), NOW).payload, NOW)
    assert good(again)["page_title"] == "a b+c;&=%🦜"


@pytest.mark.parametrize(
    "payload",
    [
        tp2(body=b"{", querystring="a=1;b&c="),
        tp2(body=None, content_type="text/plain"),
        get("/com.acme/v9", "a=%C3%BC"),
        get("/x", "a=1"),
        get("/i", "a=%"),
        tp2(EVENT, network_userid="nobody"),
    ],
    ids=["body", "content type", "vendor", "path", "query", "user"],
)
def test_a_whole_request_fails_again_for_the_same_reason(payload: CollectorPayload) -> None:
    [failed] = Enricher().enrich(payload, NOW)
    [again] = Enricher().enrich(replay_of(kept(failed), NOW).payload, NOW)
    assert isinstance(again, FailedEvent)
    assert (again.category, again.messages) == (failed.category, failed.messages)  # type: ignore[union-attr]


@given(parameters=st.dictionaries(st.text(min_size=1), st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_every_parameter_comes_back(parameters: dict[str, str]) -> None:
    sent = {"e": "nonsense", "p": "web", "tv": "js"} | parameters
    outcomes = Enricher().enrich(tp2(sent), NOW)
    if outcomes[0].category == "tracker_protocol_violations":  # type: ignore[union-attr]
        return
    row: Any = kept(outcomes[0]).row
    [again] = Enricher().enrich(replay_of(kept(outcomes[0]), NOW).payload, NOW)
    before, after = (
        {one["name"]: one["value"] for one in each["data"]["payload"]["raw"]["parameters"]}
        for each in (row, kept(again).row)
    )
    assert after == before | {"eid": row["data"]["payload"]["enriched"]["event_id"]}


@pytest.mark.parametrize(
    "row",
    [{}, {"data": {}}, {"data": {"payload": None}}, {"data": {"payload": "?"}}, {"data": {"payload": "e30="}},
     {"data": {"payload": {"raw": {}, "enriched": {}}}}, {"data": {"payload": {"raw": None, "enriched": None}}},
     {"data": {"payload": {"vendor": "a"}}}],
)  # fmt: skip
def test_a_row_that_holds_no_request(row: Any) -> None:
    with pytest.raises(NotReplayable, match="the failed event 4 2"):
        replay_of(Failed(4, 2, 0, "schema_violations", "", row), NOW)
