"""Whole requests: phases, the account of every event, faults, failed rows, and an hour in a shop."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enriched, Enricher
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.order import STEPS
from snowmelt.enrichment.steps.step import add_entity
from snowmelt.enrichment.validation import Verdict, type_report, validation_error
from snowmelt.events import json as event_json
from snowmelt.events import tsv
from snowmelt.events.canonical import Event
from snowmelt.events.fields import FIELDS
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.schema_key import SchemaKey
from snowmelt.events.timestamp import format_plain

Send = Callable[..., list[Any]]
Make = Callable[..., CollectorPayload]
Text = Callable[..., str]
Sdj = Callable[..., dict[str, Any]]

NOW_MS = 1741082406000


def test_one_bad_event_leaves_its_siblings_alone(send: Send, contexts: Text, sdj: Sdj) -> None:
    outcomes = send({}, {"co": contexts(5)}, {"co": "{}"}, {"vid": "x"})
    assert [isinstance(outcome, Enriched) for outcome in outcomes] == [True, False, False, False]
    assert {outcome.category for outcome in outcomes[1:]} == {"schema_violations"}


def test_first_phase_hides_the_others(send: Send) -> None:
    [outcome] = send({"e": "ad", "vid": "x", "aid": "a" * 300, "url": "http://a.example/?_sp=a.x"})
    assert outcome.category == "schema_violations"
    [message] = outcome.messages
    assert [report["path"] for report in message["error"]["dataReports"]] == ["vid"]


def test_second_phase_collects_every_step(send: Send) -> None:
    [outcome] = send({"e": "ad", "url": "http://a.example/?_sp=a.x"})
    assert outcome.category == "enrichment_failures"
    assert [message["message"]["field"] for message in outcome.messages] == ["sp_dtm", "event"]
    assert outcome.event_type == "ad_impression"


def test_event_without_a_type(get_pixel: Send) -> None:
    [outcome] = get_pixel({"p": "web"})
    assert outcome.category == "enrichment_failures"
    assert outcome.messages[0]["message"]["field"] == "event"


def test_fields_of_the_pipeline(send: Send) -> None:
    [outcome] = send({})
    event = outcome.event
    assert event["etl_tstamp"] == NOW_MS
    assert event["v_etl"].startswith("snowmelt-")
    assert event["v_collector"] == "snowmelt-0.1.0-log"
    assert "contexts" not in event


def test_anonymous_address_and_broken_user_agent(send: Send) -> None:
    facts = {"ip_address": "unknown", "user_agent": "a\tb\r\nc", "network_userid": None}
    [outcome] = send({}, **facts)
    assert outcome.event["user_ipaddress"] == "unknown"
    assert outcome.event["useragent"] == "a    bc"
    assert "network_userid" not in outcome.event


class Breaking:
    """A step with a fault."""

    name = "breaking"

    def apply(self, event: Event, raw: RawEvent) -> None:
        if event.get("user_id") == "boom":
            raise ZeroDivisionError("divided by nothing")


class Attaching:
    """A step that attaches two entities."""

    name = "attaching"

    def apply(self, event: Event, raw: RawEvent) -> None:
        add_entity(event, "iglu:com.acme/first/jsonschema/1-0-0", raw.parameters["e"])
        add_entity(event, "iglu:com.acme/second/jsonschema/1-0-0", 2)


class NoFirst:
    """A validator that refuses one derived entity."""

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        if key.name == "first":
            return Verdict(validation_error([type_report(data, "object", "$")]))
        return Verdict()


def test_a_fault_is_a_failed_event_of_its_own(send: Send, payload: Make) -> None:
    enricher = Enricher(steps=(*STEPS, Breaking()))
    good, broken = send({}, {"uid": "boom", "aid": "shop"}, enricher=enricher)
    assert isinstance(good, Enriched)
    assert broken.category == "generic_error"
    assert broken.reason == "ZeroDivisionError: divided by nothing"
    assert broken.app_id == "shop"
    row = broken.row()
    assert row["data"]["failure"]["errors"] == ["ZeroDivisionError: divided by nothing"]
    assert b'"uid":"boom"' in msgspec.json.decode(b64decode(row["data"]["payload"]), type=CollectorPayload).body


def test_derived_entities_are_judged_last(send: Send) -> None:
    [outcome] = send({}, enricher=Enricher(steps=(*STEPS, Attaching())))
    names = [entity["schema"].split("/")[1] for entity in outcome.event["derived_contexts"]]
    assert names == ["second", "first"]
    [outcome] = send({"aid": "a" * 300}, enricher=Enricher(steps=(*STEPS, Attaching()), validator=NoFirst()))
    assert outcome.category == "schema_violations"
    assert [message["schemaKey"].split("/")[1] for message in outcome.messages] == ["first", "atomic"]


def test_row_of_an_event(send: Send, unstruct: Text, sdj: Sdj) -> None:
    parameters = {
        "e": "ue",
        "ue_pr": unstruct(sdj("x", {"a": 1})),
        "se_va": "1.50",
        "cookie": "1",
        "vid": "x",
    }
    [outcome] = send(parameters | {"aid": "shop", "eid": "7C9A2A4E-4d2c-4a0b-8c38-2b8f6a1d0e01"})
    assert (outcome.app_id, outcome.event_id) == ("shop", "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01")
    assert outcome.event_name == "x"
    row = msgspec.json.decode(msgspec.json.encode(outcome.row()))
    assert row["schema"] == "iglu:com.snowplowanalytics.snowplow.badrows/schema_violations/jsonschema/2-0-1"
    data = row["data"]
    assert data["processor"]["artifact"] == "snowmelt"
    assert data["failure"]["timestamp"] == "2025-03-04T10:00:06Z"
    assert data["failure"].keys() == {"timestamp", "messages"}
    enriched = data["payload"]["enriched"]
    assert list(enriched) == [field.name for field in FIELDS]
    assert enriched["collector_tstamp"] == "2025-03-04 10:00:05.570"
    assert (enriched["se_value"], enriched["br_cookies"], enriched["domain_sessionidx"]) == ("1.50", 1, None)
    assert json.loads(enriched["unstruct_event"])["data"] == sdj("x", {"a": 1})
    raw = data["payload"]["raw"]
    assert {"name": "vid", "value": "x"} in raw["parameters"]
    assert (raw["vendor"], raw["version"]) == ("com.snowplowanalytics.snowplow", "tp2")
    assert raw["userId"] == "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"
    assert outcome.reason.endswith("vid: must be a whole number")


def test_row_of_a_request(payload: Make) -> None:
    [outcome] = Enricher().enrich(payload(body=b"\xffbody", content_type="text/plain", querystring="a&b=%20"), NOW_MS)
    assert isinstance(outcome, FailedEvent)
    data = outcome.row()["data"]
    assert outcome.row()["schema"].endswith("/tracker_protocol_violations/jsonschema/1-0-1")
    assert (data["failure"]["vendor"], data["failure"]["version"]) == (
        "com.snowplowanalytics.snowplow",
        "tp2",
    )
    assert data["payload"]["body"] == "\ufffdbody"
    assert data["payload"]["querystring"] == [{"name": "a", "value": None}, {"name": "b", "value": " "}]
    assert data["payload"]["networkUserId"] == "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"


def test_row_of_a_request_that_cannot_be_read(payload: Make) -> None:
    original = payload(path="/nowhere")
    [outcome] = Enricher().enrich(original, NOW_MS)
    assert isinstance(outcome, FailedEvent)
    data = outcome.row()["data"]
    assert data["failure"]["loader"] == "thrift"
    assert data["failure"]["message"]["payloadField"] == "path"
    assert msgspec.json.decode(b64decode(data["payload"]), type=CollectorPayload) == original


ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"


@pytest.mark.parametrize(
    ("action", "created", "derived", "entities", "path"),
    [
        ("product_view", 1741082405120, "2025-03-04 10:00:05.158", 6, "/p/lmp-204"),
        ("add_to_cart", 1741082426993, "2025-03-04 10:00:27.031", 6, "/p/lmp-204"),
        ("remove_from_cart", 1741082465430, "2025-03-04 10:01:05.468", 6, "/cart"),
        ("transaction", 1741082589122, "2025-03-04 10:03:09.160", 5, "/checkout/done"),
    ],
)
def test_shop(
    send: Send,
    unstruct: Text,
    contexts: Text,
    sdj: Sdj,
    action: str,
    created: int,
    derived: str,
    entities: int,
    path: str,
) -> None:
    products = [
        sdj("product", {"id": f"LMP-{n}", "name": "Ørsta", "price": 39.9}, vendor=ECOMMERCE)
        for n in range(entities - 1)
    ]
    page = sdj("web_page", {"id": "1d0c9f3c-7c3e-4a53-8b39-0c2f7d6e9b52"}, vendor="com.snowplowanalytics.snowplow")
    inner = sdj("snowplow_ecommerce_action", {"type": action}, vendor=ECOMMERCE, version="1-0-2")
    parameters = {
        "e": "ue",
        "vid": "3",
        "res": "1920x1080",
        "url": f"https://shop.example{path}",
        "refr": "https://shop.example/",
        "dtm": str(created),
        "stm": str(created + 412),
        "ue_pr": unstruct(inner),
        "co": contexts(*products, page),
    }
    [outcome] = send(parameters, timestamp=created + 412 + 38)
    event = outcome.event
    assert format_plain(event["derived_tstamp"]) == derived
    assert len(event["contexts"]) == entities
    form = json.loads(event_json.encode(event))
    expected = {
        "event": "unstruct",
        "event_vendor": ECOMMERCE,
        "event_name": "snowplow_ecommerce_action",
        "event_version": "1-0-2",
        "page_urlhost": "shop.example",
        "page_urlport": 443,
        "page_urlpath": path,
        "refr_urlpath": "/",
        "dvce_screenwidth": 1920,
        "domain_sessionidx": 3,
        "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1": {"type": action},
        "derived_tstamp": derived.replace(" ", "T") + "Z",
    }
    assert {key: form[key] for key in expected} == expected
    column = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
    assert [product["id"] for product in form[column]] == [f"LMP-{n}" for n in range(entities - 1)]
    assert tsv.decode(tsv.encode(event)) == event


# Whatever arrives, there is an answer for it, and the answer can be written down.

ENRICHER = Enricher()
WORDS = st.sampled_from(
    [
        "e",
        "p",
        "tv",
        "ue_pr",
        "ue_px",
        "co",
        "cx",
        "url",
        "refr",
        "eid",
        "dtm",
        "stm",
        "vid",
        "res",
        "se_va",
        "schema",
    ]
)
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["pv", "ue", "web", "1", "null", "1E5", "{}", "[]", "1741082405120", "http://a:b{/", "a.x"]),
    st.from_regex(
        r'\{"schema":"iglu:com.snowplowanalytics.snowplow/(unstruct_event|contexts)/jsonschema/1-0-[01]",'
        r'"data":(\[\]|\{\}|\[1\]|\{"schema":"iglu:a/b/c/1-0-0","data":1e?9{1,30}\})\}',
        fullmatch=True,
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.tuples(
        st.sampled_from(["payload_data/jsonschema/1-0-4", "payload_data/jsonschema/1-0-9", "x/jsonschema/1-0-0", "x"]),
        st.lists(st.dictionaries(WORDS, VALUES, max_size=8), max_size=3) | JSON,
    ).map(
        lambda parts: json.dumps(
            {"schema": f"iglu:com.snowplowanalytics.snowplow/{parts[0]}", "data": parts[1]}
        ).encode()
    ),
)
PATHS = st.text(max_size=12) | st.sampled_from(
    [
        "/com.snowplowanalytics.snowplow/tp2",
        "/i",
        "/ice.png",
        "/r/tp2",
        "/com.snowplowanalytics.iglu/v1",
        "/a/b",
    ]
)
QUERIES = st.text(max_size=20) | st.lists(
    st.tuples(WORDS | st.just("u"), VALUES.map(lambda text: text.encode().hex("%", 1))), max_size=5
).map(lambda pairs: "&".join(f"{name}=" + (f"%{value}" if value else "") for name, value in pairs))
PAYLOADS = st.builds(
    CollectorPayload,
    timestamp=st.integers(-(2**63), 2**63 - 1) | st.just(1741082405570),
    path=PATHS,
    querystring=QUERIES,
    body=st.none() | BODIES,
    content_type=st.sampled_from([None, "application/json", "application/x-www-form-urlencoded", "x"]),
    headers=st.lists(st.text(max_size=20), max_size=2),
    ip_address=st.none() | st.text(max_size=10),
    user_agent=st.none() | st.text(max_size=10),
    referer=st.none() | st.text(max_size=10),
    network_userid=st.none() | st.uuids().map(str) | st.text(max_size=5),
    collector=st.text(max_size=5) | st.just("c"),
)


@given(PAYLOADS)
def test_every_payload_has_outcomes_that_can_be_written(payload: CollectorPayload) -> None:
    outcomes = ENRICHER.enrich(payload, NOW_MS)
    assert outcomes
    for outcome in outcomes:
        if isinstance(outcome, Enriched):
            line = event_json.encode(outcome.event)
            event_json.decode(line)
            msgspec.json.decode(line)
            assert tsv.decode(tsv.encode(outcome.event)) == outcome.event
        else:
            assert outcome.category != "generic_error", outcome.reason
            assert outcome.reason
            assert "\n" not in outcome.reason
            assert msgspec.json.decode(outcome.line()) == outcome.row()
            msgspec.json.encode(outcome.row())


@given(st.lists(st.dictionaries(WORDS, VALUES, max_size=8), min_size=1, max_size=4))
def test_each_event_of_a_batch_has_one_outcome(events: list[dict[str, str]]) -> None:
    data = [{"e": "pv", "p": "web", "tv": "1"} | {k: v for k, v in event.items() if k != "schema"} for event in events]
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    payload = CollectorPayload(
        timestamp=NOW_MS,
        path="/com.snowplowanalytics.snowplow/tp2",
        body=json.dumps({"schema": schema, "data": data}).encode(),
        content_type="application/json",
        collector="c",
    )
    assert len(ENRICHER.enrich(payload, NOW_MS)) == len(events)


@pytest.mark.parametrize(
    "changes",
    [{"path": "\ud800/x"}, {"querystring": "a=\ud800"}, {"user_agent": "\ud800"}, {"headers": None}],
)
def test_payloads_that_no_log_can_hold(payload: Make, changes: dict[str, Any]) -> None:
    facts = {"path": "/i", "querystring": "e=pv&page=\ud800"} | changes
    [outcome] = Enricher().enrich(payload(**facts), NOW_MS)
    if isinstance(outcome, Enriched):
        event_json.encode(outcome.event)
