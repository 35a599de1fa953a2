"""Edge cases of HTTP and of whole requests: one test for each row of the specification's table 8.1.

The number in a test's id is the row's. A remark on a row says where a saner behaviour stands in for a quirk of the
reference.
"""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from collector_door import Door
from pipeline_rows import JSON, PAGE_VIEW, TP2, Ask, Check, events, messages, payload_data, post, reports, word
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.validation import VALID, Verdict, required_report, validation_error
from snowmelt.events.schema_key import SchemaKey

A, B = "3b2c1d0e-aaaa-4bbb-8ccc-0123456789ab", "9f8e7d6c-aaaa-4bbb-8ccc-0123456789ab"
ZERO = "00000000-0000-0000-0000-000000000000"
BOUNCED = "00000000-0000-4000-A000-000000000000"
PIXEL = base64.b64decode("R0lGODlhAQABAPAAAP///wAAACH5BAUAAAAALAAAAAABAAEAAAICRAEAOw==")
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
WEBHOOK = "/com.snowplowanalytics.iglu/v1?schema=iglu:com.acme"


GEOLOCATION, UNKNOWN = f"{SNOWPLOW}/geolocation_context/jsonschema/1-0-0", "iglu:com.acme/unknown/jsonschema/1-0-0"


class TwoSchemas:
    """A registry that wants a latitude of geolocations, does not know one schema, and has nothing against others."""

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        if key.uri == UNKNOWN:
            return Verdict({"error": "ResolutionError", "lookupHistory": []})
        if key.uri == GEOLOCATION and "latitude" not in data:
            return Verdict(validation_error([required_report("latitude", "$")]))
        return VALID


def entities(*items: Any) -> str:
    return json.dumps({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-1", "data": items})


def raw(document: Any) -> Ask:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Ask("POST", TP2, (JSON,), body)


def sized(size: int) -> dict[str, str]:
    """A valid event of about so many bytes."""
    return PAGE_VIEW | {"page": "x" * size}


def cookie(reply: Any) -> dict[str, str | None]:
    """The attributes of the one cookie that is set; its value as ``sp``."""
    value = reply["set-cookie"]
    pairs = [part.partition("=") for part in (value or "").split("; ") if part]
    return {name: text if equals else None for name, equals, text in pairs}


def header_names(payload: Any) -> set[str]:
    return {line.partition(":")[0].lower() for line in payload.headers if ":" in line}


def is_blanked(reply: Any) -> bool:
    attributes = cookie(reply)
    assert attributes["Expires"]
    age = datetime.now(UTC) - parsedate_to_datetime(attributes["Expires"])
    return attributes["sp"] == "" and timedelta(days=364) < age < timedelta(days=366)


def is_anonymous(payload: Any) -> bool:
    hidden = {"cookie", "x-forwarded-for", "x-real-ip"} & header_names(payload)
    who = (payload.network_userid, payload.ip_address)
    return who == (ZERO, "unknown") and not hidden and "sp-anonymous" in header_names(payload)


class Row(NamedTuple):
    """One input of a row, and everything that is expected of it."""

    id: str
    requests: list[Ask]
    statuses: list[int]
    outcomes: list[str]
    check: Check = lambda replies, records, outcomes: True
    settings: dict[str, Any] = {}  # noqa: RUF012


ANONYMOUS = (("SP-Anonymous", "*"), ("X-Forwarded-For", "1.1.1.1"), ("X-Real-Ip", "1.1.1.1"))
DOMAINS = {"cookie": {"domains": ["domain.com", "other.com"]}}
SNPLOW = {"cookie": {"domains": ["snplow.com"]}}
FALLBACK = {"cookie": {"domains": ["snplow.com"], "fallback_domain": "fallback.com"}}
BOUNCE = {"cookie_bounce": {"enabled": True}}
REDIRECTS = {"enable_default_redirect": True, "redirect_domains": ["snowplow.acme.com"]}
SMALL = {"max_record_bytes": 500_000}
OPEN = {"enable_default_redirect": True}


def from_origin(origin: str) -> Ask:
    return Ask(headers=(("Origin", origin),))


ROWS = [
    Row(
        "1-two-origins",
        [post(PAGE_VIEW, headers=(JSON, ("Origin", "http://origin.com http://otherorigin.com:8080")))],
        [200],
        ["good"],
        lambda replies, records, outcomes: replies[0]["access-control-allow-origin"] == "http://origin.com",
    ),
    *(
        Row(
            f"2-{name}-origin",
            [post(PAGE_VIEW, headers=(JSON, *header))],
            [200],
            ["good"],
            lambda replies, records, outcomes: (
                replies[0]["access-control-allow-origin"] == "*"
                and replies[0]["access-control-allow-credentials"] == "true"
            ),
        )
        for name, header in (("no", ()), ("null", (("Origin", "null"),)))
    ),
    Row(
        "3-preflight",
        [Ask("OPTIONS", TP2)],
        [200],
        [],
        lambda replies, records, outcomes: (
            replies[0].body == b""
            and {name for name, _ in replies[0].headers} - {"content-length"}
            == {f"access-control-{name}" for name in ("allow-origin", "allow-credentials", "allow-headers", "max-age")}
        ),
    ),
    Row(
        "4-mapped-path",
        [post(PAGE_VIEW, target="/acme/track"), post(PAGE_VIEW, target="/acme/track/x"), post(PAGE_VIEW, target="/i")],
        [200, 404, 404],
        ["good"],
        lambda replies, records, outcomes: [record.path for record in records] == [TP2],
        {"paths": {"/acme/track": TP2}},
    ),
    Row(
        "5-head",
        [Ask("HEAD")],
        [200],
        ["good"],
        lambda replies, records, outcomes: (
            replies[0]["content-type"] == "image/gif"
            and replies[0]["cache-control"] == "no-cache, no-store, must-revalidate"
            and replies[0]["content-length"] == str(len(PIXEL))
            and replies[0].body == b""
        ),
    ),
    Row(
        "6-order-of-domains",
        [from_origin("https://www.other.com https://www.domain.com")],
        [200],
        ["good"],
        lambda replies, records, outcomes: cookie(replies[0])["Domain"] == "domain.com",
        DOMAINS,
    ),
    *(
        Row(
            f"7-{host}-{name}",
            [from_origin(f"https://{host}")],
            [200],
            ["good"],
            lambda replies, records, outcomes, domain=domain: cookie(replies[0]).get("Domain") == domain,
            settings,
        )
        for host, name, settings, domain in (
            ("sub.snplow.com", "matches", SNPLOW, "snplow.com"),
            ("notsnplow.com", "none", SNPLOW, None),
            ("sub.notsnplow.com", "none", SNPLOW, None),
            ("notsnplow.com", "fallback", FALLBACK, "fallback.com"),
            ("sub.notsnplow.com", "fallback", FALLBACK, "fallback.com"),
        )
    ),
    Row(
        "8-anonymous-with-cookie",
        [post(PAGE_VIEW, headers=(JSON, ("Cookie", f"sp={A}"), *ANONYMOUS))],
        [200],
        ["good"],
        lambda replies, records, outcomes: is_blanked(replies[0]) and is_anonymous(records[0]),
    ),
    Row(
        "9-anonymous-without-cookie",
        [post(PAGE_VIEW, headers=(JSON, *ANONYMOUS))],
        [200],
        ["good"],
        lambda replies, records, outcomes: replies[0]["set-cookie"] is None and is_anonymous(records[0]),
    ),
    Row(
        "10-nuid-beats-cookie",
        [post(PAGE_VIEW, target=f"{TP2}?nuid={A}", headers=(JSON, ("Cookie", f"sp={B}")))],
        [200],
        ["good"],
        lambda replies, records, outcomes: records[0].network_userid == A and cookie(replies[0])["sp"] == A,
    ),
    Row(
        "11-nuid-no-uuid",
        [post(PAGE_VIEW, PAGE_VIEW, target=f"{TP2}?nuid=123")],
        [200],
        ["CF"],
        lambda replies, records, outcomes: messages(outcomes)[0]["payloadField"] == "networkUserId",
    ),
    Row(
        "12-cookie-cleaned",
        [Ask(headers=(("cookie", r' a = b ; bad="x\,y" ; c=d'),))],
        [200],
        ["good"],
        lambda replies, records, outcomes: "Cookie: a=b;c=d" in records[0].headers,
    ),
    Row(
        "13-bounce",
        [Ask(target="/i?e=pv"), Ask(target="/i?e=pv&n3pc=true")],
        [302, 200],
        ["good"],
        lambda replies, records, outcomes: (
            replies[0]["location"] == "/i?e=pv&n3pc=true"
            and UUID(cookie(replies[0])["sp"]).version == 4
            and [record.network_userid for record in records] == [BOUNCED]
        ),
        BOUNCE,
    ),
    Row(
        "14-redirect",
        [Ask(target="/r/tp2?u=https://snowplow.acme.com/12"), Ask(target="/r/tp2?u=https://evil.example/")],
        [302, 400],
        ["good", "good"],
        lambda replies, records, outcomes: (
            replies[0]["location"] == "https://snowplow.acme.com/12" and replies[1]["location"] is None
        ),
        REDIRECTS,
    ),
    Row("14-redirect-nowhere", [Ask(target="/r/tp2")], [400], ["TP"], settings=REDIRECTS),
    Row(
        "14-redirects-disabled",
        [Ask(target="/r/tp2?u=https://snowplow.acme.com/12")],
        [404],
        [],
        lambda replies, records, outcomes: replies[0].body == b"redirects disabled",
    ),
    Row("15-3-mib", [post(sized(3 * 1024**2))], [413], [], settings=SMALL),
    Row(
        "15-1.5-mib",
        [post(sized(1536 * 1024))],
        [200],
        ["SZ"],
        lambda replies, records, outcomes: (
            messages(outcomes)[0]["maximumAllowedSizeBytes"] == 1024**2
            and messages(outcomes)[0]["actualSizeBytes"] > 1536 * 1024
            and len(outcomes[0].payload) == 1024**2 // 10
        ),
        SMALL,
    ),
    Row(
        "15-900-kb-in-one-event",
        [post(PAGE_VIEW, sized(900_000), PAGE_VIEW)],
        [200],
        ["SZ", "good", "good"],
        lambda replies, records, outcomes: (
            messages(outcomes)[0]["maximumAllowedSizeBytes"] == 500_000
            and len(outcomes[0].payload) == 50_000
            and outcomes[0].payload.startswith('{"e":"pv","p":"web"')
        ),
        SMALL,
    ),
    Row(
        "16-split",
        [post(*(PAGE_VIEW | {"aid": f"a{number}", "cx": "x" * 200_000} for number in range(10)))],
        [200],
        ["SV"] * 10,
        lambda replies, records, outcomes: (
            [len(json.loads(record.body)["data"]) for record in records] == [4, 4, 2]
            and [item["aid"] for record in records for item in json.loads(record.body)["data"]]
            == [f"a{number}" for number in range(10)]
            and all(
                json.loads(record.body)["schema"] == f"{SNOWPLOW}/payload_data/jsonschema/1-0-4" for record in records
            )
        ),
        {"max_record_bytes": 1_000_000, "max_payload_bytes": 3_000_000, "max_body_bytes": 4_000_000},
    ),
    Row(
        "17-text-plain",
        [post(PAGE_VIEW, headers=(("Content-Type", "text/plain"),))],
        [200],
        ["TP"],
        lambda replies, records, outcomes: messages(outcomes)[0]["field"] == "contentType",
    ),
    Row(
        "18-empty-body",
        [raw(b"")],
        [200],
        ["TP"],
        lambda replies, records, outcomes: records[0].body == b"" and messages(outcomes)[0]["field"] == "body",
    ),
    Row(
        "19-get-without-query",
        [Ask(target=TP2)],
        [200],
        ["TP"],
        lambda replies, records, outcomes: (
            replies[0].body == PIXEL and [message["field"] for message in messages(outcomes)] == ["body", "querystring"]
        ),
    ),
    Row(
        "20-body-not-json",
        [Ask("POST", f"{TP2}?a=b", (JSON,), b"body")],
        [200],
        ["TP"],
        lambda replies, records, outcomes: messages(outcomes)[0]["field"] == "body" and messages(outcomes)[0]["error"],
    ),
    Row(
        "21-body-not-self-describing",
        [raw({"not": "self-desc"})],
        [200],
        ["TP"],
        lambda replies, records, outcomes: messages(outcomes)[0]["error"] == "INVALID_DATA_PAYLOAD",
    ),
    *(
        Row(
            f"22-{name}",
            [raw({"schema": GEOLOCATION, "data": data})],
            [200],
            ["TP"],
            lambda replies, records, outcomes, said=said: said(messages(outcomes)[0]),
        )
        for name, data, said in (
            (
                "valid",
                {"latitude": 1.5, "longitude": 2.5},
                lambda message: message["schemaCriterion"] == f"{SNOWPLOW}/payload_data/jsonschema/1-0-*",
            ),
            (
                "not-valid",
                {"longitude": 2.5},
                lambda message: message["schemaKey"] == GEOLOCATION and message["error"]["error"] == "ValidationError",
            ),
        )
    ),
    *(
        Row(
            f"23-{name}",
            [raw({"schema": f"{SNOWPLOW}/payload_data/jsonschema/1-0-4", "data": data})],
            [200],
            ["TP"],
            lambda replies, records, outcomes, found=found: reports(outcomes) == found,
        )
        for name, data, found in (
            ("object", {}, [("$", "type")]),
            ("no-events", [], [("$", "minItems")]),
            ("lacking-keys", [{"tv": "ios-0.1.0"}], [("$[0]", "required")] * 2),
        )
    ),
    Row(
        "24-one-bad-item",
        [post(PAGE_VIEW, {"new": "foo"})],
        [200],
        ["TP"],
        lambda replies, records, outcomes: (
            sorted(reports(outcomes)) == [("$[1]", "additionalProperties"), *[("$[1]", "required")] * 3]
        ),
    ),
    *(
        Row(f"25-{name}", [post(PAGE_VIEW, PAGE_VIEW | {key: value})], [200], ["TP"])
        for name, key, value in (("number", "vid", 3), ("null", "uid", None))
    ),
    Row(
        "26-query-over-body",
        [
            post(
                *({"tv": str(n), "p": p, "e": e} for n, p, e in ((1, "web", "pv"), (2, "mob", "pp"), (3, "srv", "se"))),
                target=f"{TP2}?tv=0&nuid={A}",
            )
        ],
        [200],
        ["good"] * 3,
        lambda replies, records, outcomes: (
            [
                (event["v_tracker"], event["network_userid"], event["platform"], event["event"])
                for event in events(outcomes)
            ]
            == [("0", A, "web", "page_view"), ("0", A, "mob", "page_ping"), ("0", A, "srv", "struct")]
        ),
    ),
    Row(
        "27-one-good-of-four",
        [
            post(
                PAGE_VIEW | {"co": entities({"schema": GEOLOCATION, "data": {"latitude": 1, "longitude": 2}})},
                PAGE_VIEW | {"co": entities({"schema": UNKNOWN, "data": {}})},
                PAGE_VIEW | {"co": entities({"schema": GEOLOCATION, "data": {"longitude": 2}})},
                PAGE_VIEW | {"vid": "x"},
            )
        ],
        [200],
        ["good", "SV", "SV", "SV"],
        lambda replies, records, outcomes: (
            [message["error"]["error"] for message in messages(outcomes)]
            == ["ResolutionError", "ValidationError", "ValidationError"]
        ),
    ),
    Row(
        "28-pixel-without-query",
        [Ask(target="/i")],
        [200],
        ["AF"],
        lambda replies, records, outcomes: replies[0].body == PIXEL and messages(outcomes)[0]["field"] == "querystring",
    ),
    Row(
        "29-redirect-is-the-event",
        [Ask(target="/r/tp2?u=https://a.example/")],
        [302],
        ["good"],
        lambda replies, records, outcomes: (
            [(event["event_name"], event["v_tracker"], event["platform"]) for event in events(outcomes)]
            == [("uri_redirect", "r-tp2", "web")]
        ),
        OPEN,
    ),
    *(
        Row(
            f"29-redirect-is-an-entity{name}",
            [Ask(target=f"/r/tp2?u=https://a.example/&e=se&aid=ads{more}")],
            [302],
            ["good"],
            lambda replies, records, outcomes: (
                events(outcomes)[0]["event"] == "struct"
                and events(outcomes)[0]["app_id"] == "ads"
                and events(outcomes)[0]["contexts"]
                == [{"schema": f"{SNOWPLOW}/uri_redirect/jsonschema/1-0-0", "data": {"uri": "https://a.example/"}}]
            ),
            OPEN,
        )
        for name, more in (("", ""), ("-empty-co", "&co="))
    ),
    Row(
        "29-redirect-corrupt-co",
        [Ask(target="/r/tp2?u=https://a.example/&e=se&co=%7B%5B-")],
        [302],
        ["TP"],
        settings=OPEN,
    ),
    Row(
        "30-webhook-array",
        [Ask("POST", f"{WEBHOOK}/campaign/jsonschema/2-1-0", (JSON,), b'[{"a":1},{"a":2}]')],
        [200],
        ["good", "good"],
        lambda replies, records, outcomes: (
            [(event["event"], event["platform"], event["unstruct_event"]["data"]) for event in events(outcomes)]
            == [("unstruct", "app", {"a": 1}), ("unstruct", "app", {"a": 2})]
        ),
    ),
    *(
        Row(f"30-webhook-{name}", [Ask("POST", f"{WEBHOOK}/campaign/jsonschema/2-1-0", (JSON,), body)], [200], ["AF"])
        for name, body in (("empty-array", b"[]"), ("empty-object", b"{}"))
    ),
    Row(
        "31-webhook-get",
        [Ask(target=f"{WEBHOOK}/x/jsonschema/1-0-0&user=6&name=&p=web&aid=z")],
        [200],
        ["good"],
        lambda replies, records, outcomes: (
            (events(outcomes)[0]["platform"], events(outcomes)[0]["app_id"]) == ("web", "z")
            and events(outcomes)[0]["unstruct_event"]["data"] == {"user": "6", "name": None}
        ),
    ),
    Row(
        "32-unknown-vendor",
        [Ask("POST", "/com.unknown/v9", (JSON,), b"whatever")],
        [200],
        ["AF"],
        lambda replies, records, outcomes: (
            (messages(outcomes)[0]["field"], messages(outcomes)[0]["value"]) == ("vendor/version", "com.unknown/v9")
        ),
    ),
    *(
        Row(
            f"33-{name}",
            [Ask(target=f"/i?e=pv&page={text}")],
            [200],
            ["CF"],
            lambda replies, records, outcomes: messages(outcomes)[0]["payloadField"] == "querystring",
        )
        for name, text in (("braces", "{x}"), ("lone-percent", "5%"))
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row(make_door: Callable[..., Door], row: Row) -> None:
    door = make_door(**row.settings)
    replies = [door(*ask) for ask in row.requests]
    assert [reply.status for reply in replies] == row.statuses
    outcomes = door.outcomes(Enricher(validator=TwoSchemas()))
    assert [word(outcome) for outcome in outcomes] == row.outcomes
    assert row.check(replies, door.records(), outcomes)


def test_every_row_of_the_table_is_here() -> None:
    assert {int(row.id.partition("-")[0]) for row in ROWS} == set(range(1, 34))


def test_the_body_of_the_table_is_what_a_tracker_sends() -> None:
    assert json.loads(payload_data(PAGE_VIEW))["data"] == [PAGE_VIEW]
