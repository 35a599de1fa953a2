"""From requests to events: what a path, a query string and a body are read as."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from snowmelt.enrichment.pipeline import Enriched, Enricher
from snowmelt.enrichment.validation import Verdict, required_report, validation_error
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.schema_key import SchemaKey

NOW_MS = 1741082406000
JSON = "application/json"
PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
WEBHOOK = "/com.snowplowanalytics.iglu/v1"
REDIRECT_ENTITY = {
    "schema": "iglu:com.snowplowanalytics.snowplow/uri_redirect/jsonschema/1-0-0",
    "data": {"uri": "https://a.example/"},
}
Make = Callable[..., CollectorPayload]


def events(payload: CollectorPayload) -> list[dict[str, Any]]:
    outcomes = Enricher().enrich(payload, NOW_MS)
    assert all(isinstance(outcome, Enriched) for outcome in outcomes), outcomes
    return [outcome.event for outcome in outcomes if isinstance(outcome, Enriched)]


def failure(payload: CollectorPayload, category: str, enricher: Enricher | None = None) -> list[dict[str, Any]]:
    [outcome] = (enricher or Enricher()).enrich(payload, NOW_MS)
    assert not isinstance(outcome, Enriched)
    assert outcome.category == category
    msgspec.json.encode(outcome.row())
    assert outcome.reason
    return outcome.messages


def posted(payload: Make, data: Any, **changes: Any) -> CollectorPayload:
    body = msgspec.json.encode({"schema": PAYLOAD_DATA, "data": data})
    return payload(**{"body": body, "content_type": JSON} | changes)


VALID = {"e": "pv", "p": "web", "tv": "js-4.6.0"}


@pytest.mark.parametrize("path", ["", "/", "/one", "/one/two/three", "//", "one//two"])
def test_path_that_is_none(payload: Make, path: str) -> None:
    [message] = failure(payload(path=path, querystring="e=pv"), "collector_payload_format_violation")
    assert message["payloadField"] == "path"
    assert message["value"] == path


@pytest.mark.parametrize("query", ["a={x}", "e=pv&page=%", "a=%zz", 'a="', "a=b c", "a|b", "a\\b", "a^", "a`", "<>"])
def test_query_string_that_is_illegal(payload: Make, query: str) -> None:
    for path in ("/i", "/com.snowplowanalytics.snowplow/tp2"):
        [message] = failure(payload(path=path, querystring=query), "collector_payload_format_violation")
        assert message["payloadField"] == "querystring"


def test_network_userid_that_is_no_uuid(payload: Make) -> None:
    [message] = failure(posted(payload, [VALID], network_userid="123"), "collector_payload_format_violation")
    assert message["payloadField"] == "networkUserId"


@pytest.mark.parametrize("path", ["/com.unknown/v9", "com.unknown/v9/"])
def test_unknown_vendor(payload: Make, path: str) -> None:
    [message] = failure(payload(path=path, body=b"any", content_type=JSON), "adapter_failures")
    assert (message["field"], message["value"]) == ("vendor/version", "com.unknown/v9")


@pytest.mark.parametrize("path", ["/i", "/i?x", "/ice.png", "/ice.png/more", "/com.snowplowanalytics.snowplow/tp1"])
def test_pixel(payload: Make, path: str) -> None:
    [event] = events(payload(path=path, querystring="e=pv&page=Desk+lamp%20%C3%98;tv=px#f"))
    assert (event["page_title"], event["v_tracker"]) == ("Desk lamp Ø", "px")
    [message] = failure(payload(path=path), "adapter_failures")
    assert message["field"] == "querystring"


def test_pixel_without_a_tracker_or_platform_is_an_event(payload: Make) -> None:
    [event] = events(payload(path="/i", querystring="e=se&novalue&=noname&uid=a&uid=b&tna="))
    assert (event["event"], event["user_id"]) == ("struct", "b")
    assert not event.keys() & {"platform", "v_tracker", "name_tracker"}


def test_raw_non_ascii_query(payload: Make) -> None:
    [event] = events(payload(path="/i", querystring="e=pv&page=Ørsta"))
    assert event["page_title"] == "Ørsta"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"body": None, "content_type": None}, ["body", "querystring"]),
        ({"content_type": "text/plain"}, ["contentType"]),
        ({"content_type": "application/json; charset=latin-1"}, ["contentType"]),
        ({"content_type": None}, ["contentType"]),
        ({"body": None}, ["body"]),
        ({"body": b""}, ["body"]),
        ({"body": b"body", "querystring": "a=b"}, ["body"]),
    ],
)
def test_tp2_requests_that_hold_nothing(payload: Make, changes: dict[str, Any], fields: list[str]) -> None:
    messages = failure(posted(payload, [VALID], **changes), "tracker_protocol_violations")
    assert [message["field"] for message in messages] == fields


def test_tp2_get(payload: Make) -> None:
    [event] = events(payload(querystring="e=pv&page=a&unheard_of=1"))
    assert event["page_title"] == "a"


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "application/json;charset=UTF-8"])
def test_tp2_content_types(payload: Make, content_type: str) -> None:
    assert len(events(posted(payload, [VALID], content_type=content_type))) == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"not": "self-desc"}, "INVALID_DATA_PAYLOAD"),
        ([], "INVALID_DATA_PAYLOAD"),
        ({"schema": 5, "data": []}, "INVALID_DATA_PAYLOAD"),
        ({"schema": PAYLOAD_DATA}, "INVALID_DATA_PAYLOAD"),
        ({"schema": "payload_data", "data": []}, "INVALID_IGLUURI"),
        ({"schema": PAYLOAD_DATA.replace("1-0-4", "0-0-4"), "data": []}, "INVALID_SCHEMAVER"),
    ],
)
def test_tp2_body_that_is_not_self_describing(payload: Make, body: Any, error: str) -> None:
    made = payload(body=msgspec.json.encode(body), content_type=JSON)
    [message] = failure(made, "tracker_protocol_violations")
    assert message == {"json": body, "error": error}


class Strict:
    """A validator to which nothing but a latitude is valid."""

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        if isinstance(data, dict) and "latitude" in data:
            return Verdict()
        return Verdict(validation_error([required_report("latitude", "$")]))


def test_tp2_body_of_another_schema_is_validated_first(payload: Make) -> None:
    uri = "iglu:com.snowplowanalytics.snowplow/geolocation_context/jsonschema/1-0-0"
    enricher = Enricher(validator=Strict())

    def sent(data: Any) -> dict[str, Any]:
        body = msgspec.json.encode({"schema": uri, "data": data})
        [message] = failure(payload(body=body, content_type=JSON), "tracker_protocol_violations", enricher=enricher)
        return message

    criterion = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-*"
    assert sent({"latitude": 1}) == {"schemaKey": uri, "schemaCriterion": criterion}
    assert sent({"longitude": 1})["error"]["error"] == "ValidationError"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({}, [("$", "type")]),
        ([], [("$", "minItems")]),
        ([{"tv": "ios-0.1.0"}], [("$[0]", "required"), ("$[0]", "required")]),
        ([VALID, {"new": "foo"}], [("$[1]", "required")] * 3 + [("$[1]", "additionalProperties")]),
        ([VALID | {"vid": 3}], [("$[0].vid", "type")]),
        ([VALID | {"uid": None}, 5], [("$[0].uid", "type"), ("$[1]", "type")]),
        (
            [VALID | {"cv": "1"}, VALID | {"u": "x"}],
            [("$[0]", "additionalProperties"), ("$[1]", "additionalProperties")],
        ),
    ],
)
def test_tp2_one_bad_item_fails_the_request_with_every_report(payload: Make, data: Any, found: Any) -> None:
    [message] = failure(posted(payload, data), "tracker_protocol_violations")
    assert message["schemaKey"] == PAYLOAD_DATA
    reports = message["error"]["dataReports"]
    assert [(report["path"], report["keyword"]) for report in reports] == found


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        (0, {"ua", "tnuid", "sid", "ttm"}),
        (1, {"tnuid", "stm"}),
        (2, {"sid", "ttm"}),
        (3, {"ttm"}),
        (4, set()),
    ],
)
def test_tp2_keys_by_version(payload: Make, version: int, keys: set[str]) -> None:
    schema = f"{PAYLOAD_DATA[:-1]}{version}"
    later = {"ua": "x", "tnuid": "x", "sid": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01", "stm": "1", "ttm": "1"}
    for key, value in later.items():
        body = msgspec.json.encode({"schema": schema, "data": [VALID | {key: value}]})
        made = payload(body=body, content_type=JSON)
        if key in keys:
            failure(made, "tracker_protocol_violations")
    known = later if version == 4 else {}
    body = msgspec.json.encode({"schema": schema, "data": [VALID | known]})
    assert len(events(payload(body=body, content_type=JSON))) == 1


def test_tp2_query_string_wins_over_every_event(payload: Make) -> None:
    data = [
        {"e": "pv", "p": "web", "tv": "1"},
        {"e": "pp", "p": "mob", "tv": "2"},
        {"e": "se", "p": "tv", "tv": "3"},
    ]
    made = posted(payload, data, querystring="tv=0&p&nuid=176ff68a-4769-4566-ad0e-3792c1c8148f")
    found = [(e["v_tracker"], e["event"], e["platform"], e["network_userid"]) for e in events(made)]
    nuid = "176ff68a-4769-4566-ad0e-3792c1c8148f"
    assert found == [
        ("0", "page_view", "web", nuid),
        ("0", "page_ping", "mob", nuid),
        ("0", "struct", "tv", nuid),
    ]


def test_tp2_half_an_emoji_does_not_lose_the_request(payload: Make) -> None:
    body = posted(payload, [VALID | {"page": "CUT"}]).body
    assert body is not None
    [event] = events(payload(body=body.replace(b"CUT", b"a\\ud83d"), content_type=JSON))
    assert event["page_title"] == "a\ufffd"
    [event] = events(payload(body=body.replace(b"CUT", b"a\xff"), content_type=JSON))
    assert event["page_title"] == "a\ufffd"


def test_tp2_very_deep_body(payload: Make) -> None:
    made = payload(body=b'{"schema":"x","data":' + b"[" * 100_000, content_type=JSON)
    [message] = failure(made, "tracker_protocol_violations")
    assert message["field"] == "body"
    assert len(message["value"]) < 600


def test_redirect_is_the_event(payload: Make) -> None:
    [event] = events(payload(path="/r/tp2", querystring="u=https://a.example/"))
    assert event["unstruct_event"] == REDIRECT_ENTITY
    assert (event["event"], event["event_name"]) == ("unstruct", "uri_redirect")
    assert (event["v_tracker"], event["platform"]) == ("r-tp2", "web")


@pytest.mark.parametrize("more", ["", "&co=", "&cx=", "&tv=mine"])
def test_redirect_is_an_entity_of_the_event(payload: Make, more: str) -> None:
    [event] = events(payload(path="/r/tp2", querystring=f"u=https://a.example/&e=se&aid=ads&p=mob{more}"))
    assert event["contexts"] == [REDIRECT_ENTITY]
    assert (event["event"], event["app_id"], event["v_tracker"]) == ("struct", "ads", "r-tp2")
    assert event["platform"] == "mob"
    assert "unstruct_event" not in event


def test_redirect_comes_before_other_entities(
    payload: Make, contexts: Callable[..., str], sdj: Callable[..., dict[str, Any]]
) -> None:
    plain = f"co={quote(contexts(sdj('plain', 1)))}"
    encoded = "cx=" + urlsafe_b64encode(contexts(sdj("encoded", 2)).encode()).decode().rstrip("=")
    for more, entity in ((plain, sdj("plain", 1)), (f"{plain}&{encoded}", sdj("encoded", 2))):
        [event] = events(payload(path="/r/tp2", querystring=f"u=https://a.example/&e=se&{more}"))
        assert event["contexts"] == [REDIRECT_ENTITY, entity]


@pytest.mark.parametrize(
    ("query", "field"),
    [("e=se", "u"), ("u=", "u"), ("u", "u"), ("u=https://a.example/&e=se&co=%7B%5B-", "co")],
)
def test_redirects_that_fail(payload: Make, query: str, field: str) -> None:
    [message] = failure(payload(path="/r/tp2", querystring=query), "tracker_protocol_violations")
    assert message["field"] == field


def test_redirect_with_entities_that_are_none(payload: Make) -> None:
    made = payload(path="/r/tp2", querystring="u=https://a.example/&e=se&co=%7B%7D")
    [message] = failure(made, "tracker_protocol_violations")
    assert message == {"json": {}, "error": "INVALID_DATA_PAYLOAD"}


SCHEMA = "schema=iglu:com.acme/campaign/jsonschema/2-1-0"


def test_webhook_get(payload: Make) -> None:
    [event] = events(payload(path=WEBHOOK, querystring=f"{SCHEMA}&user=6&name=&flag&p=web&aid=z&nuid=n"))
    assert event["unstruct_event"] == {
        "schema": "iglu:com.acme/campaign/jsonschema/2-1-0",
        "data": {"user": "6", "name": None, "flag": None},
    }
    assert (event["platform"], event["app_id"], event["network_userid"]) == ("web", "z", "n")
    assert (event["event"], event["event_name"], event["event_version"]) == ("unstruct", "campaign", "2-1-0")
    assert event["v_tracker"] == "com.snowplowanalytics.iglu-v1"


def test_webhook_post_array(payload: Make) -> None:
    made = payload(path=WEBHOOK, querystring=f"{SCHEMA}&aid=z", body=b'[{"a":1},{"a":2}]', content_type=JSON)
    first, second = events(made)
    assert [e["unstruct_event"]["data"] for e in (first, second)] == [{"a": 1}, {"a": 2}]
    assert (first["platform"], first["app_id"]) == ("app", "z")
    assert first["event_id"] != second["event_id"]


def test_webhook_post_object_form_and_self_describing(payload: Make) -> None:
    [event] = events(payload(path=WEBHOOK, querystring=SCHEMA, body=b'{"a":1.0}', content_type=JSON))
    assert event["unstruct_event"]["data"] == {"a": 1.0}
    form = "application/x-www-form-urlencoded"
    [event] = events(payload(path=WEBHOOK, querystring=SCHEMA, body=b"a=b+c&d=", content_type=form))
    assert event["unstruct_event"]["data"] == {"a": "b c", "d": None}
    assert event["platform"] == "srv"
    body = b'{"schema":"iglu:com.acme/own/jsonschema/1-0-0","data":{"a":[]}}'
    [event] = events(payload(path=WEBHOOK, body=body, content_type=JSON))
    assert event["event_name"] == "own"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, ["schema", "body"]),
        ({"querystring": "schema="}, ["schema", "body"]),
        ({"querystring": "schema=campaign"}, ["schema"]),
        ({"querystring": SCHEMA, "body": b"[]", "content_type": JSON}, ["body"]),
        ({"querystring": SCHEMA, "body": b"{}", "content_type": JSON}, ["body"]),
        ({"querystring": SCHEMA, "body": b"5", "content_type": JSON}, ["body"]),
        ({"querystring": SCHEMA, "body": b"{", "content_type": JSON}, ["body"]),
        ({"querystring": SCHEMA, "body": b"{}", "content_type": "text/plain"}, ["contentType"]),
        ({"querystring": SCHEMA, "body": b"{}"}, ["contentType"]),
        ({"body": b"a=b", "content_type": "application/x-www-form-urlencoded"}, ["contentType"]),
        ({"body": b"{}", "content_type": JSON}, [None]),
        ({"body": b'{"schema":"iglu:x","data":1}', "content_type": JSON}, [None]),
    ],
)
def test_webhook_requests_that_fail(payload: Make, changes: dict[str, Any], fields: list[str | None]) -> None:
    messages = failure(payload(path=WEBHOOK, **changes), "adapter_failures")
    assert [message.get("field") for message in messages] == fields
