"""What each parameter becomes: the edge cases of values, times, URLs and addresses."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.enrichment.base64_text import decode_base64, encode_base64
from snowmelt.enrichment.client_address import client_address
from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.lengths import LENGTH_LIMITS, length_reports
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.querystring import parse_query
from snowmelt.enrichment.steps.campaign import Campaign
from snowmelt.enrichment.steps.cross_navigation import CrossNavigation
from snowmelt.enrichment.steps.order import STEPS
from snowmelt.enrichment.url import UrlError, parse_url
from snowmelt.events import tsv
from snowmelt.events.fields import FIELDS
from snowmelt.events.timestamp import format_plain, parse_timestamp

EventOf = Callable[..., dict[str, Any]]
Send = Callable[..., list[Any]]

LOWER = "f732d278-120e-4ab6-845b-c1f11cd85dc7"


@pytest.mark.parametrize(
    ("parameters", "columns"),
    [
        ({"vid": "42"}, {"domain_sessionidx": 42}),
        ({"tid": "-42"}, {"txn_id": -42}),
        ({"tid": "+007"}, {"txn_id": 7}),
        ({"tid": "٤٢"}, {"txn_id": 42}),
        ({"pp_mix": "null", "pp_max": "NULL"}, {"pp_xoffset_min": None, "pp_xoffset_max": None}),
        (
            {"pp_miy": "-2147483648", "pp_may": "2147483647"},
            {"pp_yoffset_min": -(2**31), "pp_yoffset_max": 2**31 - 1},
        ),
        ({"se_va": "null"}, {"se_value": None}),
        ({"tr_tt": "42.50", "tr_tx": ".5"}, {"tr_total": Decimal("42.50"), "tr_tax": Decimal("0.5")}),
        ({"cookie": "1", "f_pdf": "0"}, {"br_cookies": True, "br_features_pdf": False}),
        ({"res": "012x0800"}, {"dvce_screenwidth": 12, "dvce_screenheight": 800}),
        ({"vp": "1440x812"}, {"br_viewwidth": 1440, "br_viewheight": 812}),
        ({"ds": "1440x2380"}, {"doc_width": 1440, "doc_height": 2380}),
        ({"eid": LOWER.upper()}, {"event_id": LOWER}),
        (
            {"sid": "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"},
            {"domain_sessionid": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"},
        ),
        ({"uid": ""}, {"user_id": None}),
        ({"uid": "  a  "}, {"user_id": "  a  "}),
        ({"uid": "null"}, {"user_id": "null"}),
        ({"page": r"a\tb"}, {"page_title": r"a\tb"}),
        ({"page": "Hello\n"}, {"page_title": "Hello"}),
        ({"page": "a\tb\x00\x7f\x85\u2028c"}, {"page_title": "a    b\x85\u2028c"}),
        ({"page": "\n\r"}, {"page_title": None}),
        ({"page": "%E2%82%AC 5"}, {"page_title": "%E2%82%AC 5"}),
        ({"se_la": "日本語 €"}, {"se_label": "日本語 €"}),
        ({"nuid": "anything"}, {"network_userid": "anything"}),
        ({"nuid": "a", "tnuid": "b"}, {"network_userid": "b"}),
        ({"tnuid": "b", "nuid": "a"}, {"network_userid": "b"}),
        ({"tnuid": "", "nuid": "a"}, {"network_userid": "a"}),
        ({}, {"network_userid": "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"}),
        ({"ip": "2001:db8::1|x"}, {"user_ipaddress": "2001:db8::1"}),
        ({"ip": "1.1.1.1, 2.2.2.2"}, {"user_ipaddress": "1.1.1.1"}),
        ({}, {"user_ipaddress": "94.15.213.171", "useragent": "Mozilla/5.0 (X11; Linux x86_64)"}),
        ({"ua": "mine"}, {"useragent": "mine"}),
        ({"e": "ti", "ti_na": "old name"}, {"event": "transaction_item", "ti_name": "old name"}),
        ({"e": "ti", "ti_na": "old name", "ti_nm": "new"}, {"ti_name": "new"}),
        ({"aid": "a" * 255}, {"app_id": "a" * 255}),
    ],
)
def test_columns(event_of: EventOf, parameters: dict[str, str], columns: dict[str, Any]) -> None:
    event = event_of(parameters)
    assert {column: event.get(column) for column in columns} == columns


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1E7", "10000000"),
        ("1.2E9", "1200000000"),
        ("4.321768E3", "4321.768"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1E-7"),
        ("-137777104559", "-137777104559"),
        ("٤٥٦٧.٦٧", "4567.67"),
        ("42.50", "42.50"),
    ],
)
def test_decimals_as_tsv_writes_them(event_of: EventOf, text: str, written: str) -> None:
    line = tsv.encode(event_of({"e": "se", "se_va": text}))
    assert line.split("\t")[[field.name for field in FIELDS].index("se_value")] == written


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("vid", ["", "1999.", "0x54", "NaN", "1_0", " 1", "1e3", "²", "2147483648", "9" * 5000]),
        ("se_va", ["", "12 000", "0x54", "hi & bye", "NaN", "Infinity", "1,5", "1f", "1E999999999", "1E400"]),
        ("cookie", ["", "-1", "0.0", "true", "01"]),
        ("res", ["", "1920", "1920x", "1920 x 1080", "1920X1080", "x1080", "1x2147483648", "٤x٤", "1x1\n"]),
        ("eid", ["", "foo", LOWER[:-1], f"{{{LOWER}}}", LOWER.replace("-", ""), f" {LOWER}"]),
        ("sid", ["", "session-1"]),
        (
            "dtm",
            ["", "null", "1378293015207.5", "11111111111111111111", "9999999999999999", "-62167219200001"],
        ),
        ("ttm", ["2025-03-04"]),
        ("p", ["web2", "Web", ""]),
        ("e", ["", "page_view", "PV"]),
    ],
)
def test_texts_that_fail_the_event(send: Send, name: str, texts: list[str]) -> None:
    for text in texts:
        [outcome] = send({name: text})
        assert isinstance(outcome, FailedEvent), text
        assert outcome.category == "schema_violations"
        [message] = outcome.messages
        [report] = message["error"]["dataReports"]
        assert (report["path"], report["keyword"]) == (name, "atomic_field_parse_error")
        assert not text or text not in report["message"]


def test_all_conversion_failures_are_one_message(send: Send) -> None:
    [outcome] = send({"vid": "x", "res": "9", "dtm": "z"})
    [message] = outcome.messages
    assert message["schemaKey"] == "iglu:com.snowplowanalytics.snowplow/atomic/jsonschema/1-0-0"
    assert [report["path"] for report in message["error"]["dataReports"]] == ["vid", "res", "dtm"]


def test_event_id_is_made_when_there_is_none(send: Send) -> None:
    first, second = send({}, {})
    ids = [first.event["event_id"], second.event["event_id"]]
    assert ids[0] != ids[1]
    assert all(UUID(event_id).version == 4 for event_id in ids)


@pytest.mark.parametrize(
    ("older", "newer", "column"),
    [("ev_ca", "se_ca", "se_category"), ("ev_ac", "se_ac", "se_action"), ("ev_la", "se_la", "se_label")],
)
def test_older_names_of_parameters(get_pixel: Send, older: str, newer: str, column: str) -> None:
    [outcome] = get_pixel({"e": "ev", older: "old"})
    assert (outcome.event["event"], outcome.event[column]) == ("struct", "old")
    [outcome] = get_pixel({"e": "ev", newer: "new", older: "old"})
    assert outcome.event[column] == "new"


def test_a_pixel_may_name_its_collector(get_pixel: Send) -> None:
    [outcome] = get_pixel({"e": "pv", "cv": "cloudfront"})
    assert outcome.event["v_collector"] == "cloudfront"


# Times


@pytest.mark.parametrize(
    ("dtm", "text"), [("1378293015207", "2013-09-04 11:10:15.207"), ("0", "1970-01-01 00:00:00.000")]
)
def test_device_time(event_of: EventOf, dtm: str, text: str) -> None:
    assert format_plain(event_of({"dtm": dtm})["dvce_created_tstamp"]) == text


HOUR = 3_600_000
RECEIVED = parse_timestamp("2014-04-29 09:00:00.000")
YEAR_2100 = parse_timestamp("2100-01-01 00:00:00.000")


@pytest.mark.parametrize(
    ("parameters", "received", "derived"),
    [
        ({"dtm": RECEIVED - 2 * HOUR, "stm": RECEIVED - HOUR}, RECEIVED, "2014-04-29 08:00:00.000"),
        ({"dtm": RECEIVED, "stm": RECEIVED - HOUR}, RECEIVED, "2014-04-29 09:00:00.000"),
        ({"dtm": RECEIVED - HOUR, "stm": RECEIVED - HOUR}, RECEIVED, "2014-04-29 09:00:00.000"),
        ({"dtm": RECEIVED - HOUR}, RECEIVED, "2014-04-29 09:00:00.000"),
        ({"stm": RECEIVED - HOUR}, RECEIVED, "2014-04-29 09:00:00.000"),
        ({"ttm": 1000000000000, "dtm": 1, "stm": 2}, RECEIVED, "2001-09-09 01:46:40.000"),
        ({"dtm": YEAR_2100, "stm": YEAR_2100 + 1500}, RECEIVED, "2014-04-29 08:59:58.500"),
        (
            {"dtm": parse_timestamp("2014-03-31 23:59:00"), "stm": parse_timestamp("2014-04-01 00:01:00")},
            parse_timestamp("2014-04-01 00:01:00"),
            "2014-03-31 23:59:00.000",
        ),
    ],
)
def test_derived_time(event_of: EventOf, parameters: dict[str, int], received: int, derived: str) -> None:
    event = event_of({name: str(ms) for name, ms in parameters.items()}, timestamp=received)
    assert format_plain(event["derived_tstamp"]) == derived
    assert event["collector_tstamp"] == received


def test_derived_time_before_all_calendars_fails_the_event(send: Send) -> None:
    [outcome] = send({"dtm": "-62167219200000", "stm": "253402300799999"})
    assert outcome.category == "enrichment_failures"
    assert outcome.messages[0]["message"]["field"] == "derived_tstamp"


def test_collector_facts_that_fail_every_event(send: Send) -> None:
    [outcome] = send({}, collector="")
    assert outcome.messages[0]["message"]["field"] == "v_collector"
    [outcome] = send({}, timestamp=10**15)
    assert outcome.category == "enrichment_failures"
    assert outcome.messages[0]["message"]["field"] == "collector_tstamp"


# URLs

PARTS = (
    "page_urlscheme",
    "page_urlhost",
    "page_urlport",
    "page_urlpath",
    "page_urlquery",
    "page_urlfragment",
)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        (
            "http://www.psychicbazaar.com/oracles/119-psycards-deck.html?view=print#detail",
            ("http", "www.psychicbazaar.com", 80, "/oracles/119-psycards-deck.html", "view=print", "detail"),
        ),
        ("https://a.example#top", ("https", "a.example", 443, None, None, "top")),
        ("http://a.example:8081/in.php", ("http", "a.example", 8081, "/in.php", None, None)),
        ("HTTPS://Shop.Example/A", ("HTTPS", "Shop.Example", 80, "/A", None, None)),
        ("/p/1?x=2", (None, None, 80, "/p/1", "x=2", None)),
        ("shop", (None, None, 80, "shop", None, None)),
        ("mailto:x@y.example", ("mailto", None, 80, None, None, None)),
        ("about:blank", ("about", None, 80, None, None, None)),
        ("http://bücher.example/é", ("http", None, 80, "/é", None, None)),
        ("http://u:p@a.example:81/?#", ("http", "a.example", 81, "/", None, None)),
        ("http://[::1]:8080/x", ("http", "[::1]", 8080, "/x", None, None)),
        ("http://a_b.example/x", ("http", None, 80, "/x", None, None)),
        ("http://-a.example/x", ("http", None, 80, "/x", None, None)),
        ("http://a..example/x", ("http", None, 80, "/x", None, None)),
        ("http://a.example:http/x", ("http", None, 80, "/x", None, None)),
        ("http://a.example:/x", ("http", "a.example", 80, "/x", None, None)),
        ("http://a.example./x", ("http", "a.example.", 80, "/x", None, None)),
        ("http://10.0.0.1/x", ("http", "10.0.0.1", 80, "/x", None, None)),
        ("http://10.0.0.999/x", ("http", None, 80, "/x", None, None)),
        ("http://localhost:3000", ("http", "localhost", 3000, None, None, None)),
        ("file:///tmp/x", ("file", None, 80, "/tmp/x", None, None)),
        ("//a.example/x", (None, "a.example", 80, "/x", None, None)),
    ],
)
def test_page_url_components(event_of: EventOf, url: str, parts: tuple[Any, ...]) -> None:
    event = event_of({"url": url})
    assert tuple(event.get(part) for part in PARTS) == parts
    assert event["page_url"] == url


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("http://a.example/?q=a b", "http://a.example/?q=a%20b"),
        ("http://a.example/?q={x}", "http://a.example/?q=%7Bx%7D"),
        ("http://a.example/%zz", "http://a.example/%25zz"),
        ("http://a.example/p?x=1&y=[2]", "http://a.example/p?x=1&y=[2]"),
        (
            "http://a.example/a%20b/[c]?d=e=f&g=%41é#h#i",
            "http://a.example/a%20b/%5Bc%5D?d=e%3Df&g=A%C3%A9#h%23i",
        ),
        ("http://a.example/?q=a+b|c", "http://a.example/?q=a+b%7Cc"),
        ("http://a{b}.example/", "http://a%7Bb%7D.example/"),
        ('javascript:alert("x")', "javascript:alert%28%22x%22%29"),
        ("{x}:y", "%7Bx%7D%3Ay"),
        ("http://u{:p}@a.example:81/^", "http://u%7B:p%7D@a.example:81/%5E"),
    ],
)
def test_page_url_is_stored_as_parsed(event_of: EventOf, url: str, stored: str) -> None:
    assert event_of({"url": url})["page_url"] == stored


@pytest.mark.parametrize("url", ["http://", "http://a{.example:b/", "http://[::1]x{/"])
def test_url_beyond_repair_fails_the_event(send: Send, url: str) -> None:
    for name, column in (("url", "page_url"), ("refr", "page_referrer")):
        [outcome] = send({name: url})
        assert outcome.category == "enrichment_failures"
        assert outcome.messages[0]["message"]["field"] == column


@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.from_regex(r"[a-z]*:?/{0,3}[\[\]a.:@{}%?#&=-]{0,30}"))
def test_urls_are_parsed_or_refused_and_stay_as_they_are_once_parsed(text: str) -> None:
    try:
        url = parse_url(text)
    except UrlError:
        return
    assert parse_url(url.text) == url


def test_no_url_and_no_referer(event_of: EventOf) -> None:
    assert not [column for column in event_of({}) if column.startswith(("page_", "refr_"))]


def test_referer_header_stands_in_for_the_page(event_of: EventOf) -> None:
    event = event_of({"url": ""}, referer="https://a.example/from header")
    assert event["page_url"] == "https://a.example/from%20header"
    assert event_of({"url": "http://b.example/"}, referer="https://a.example/")["page_urlhost"] == "b.example"


def test_referrer_url(event_of: EventOf) -> None:
    event = event_of({"refr": "http://b.example:8080/x y?z=1#f"})
    assert event["page_referrer"] == "http://b.example:8080/x y?z=1#f"
    found = {column: value for column, value in event.items() if column.startswith("refr_")}
    assert found == {
        "refr_urlscheme": "http",
        "refr_urlhost": "b.example",
        "refr_urlport": 8080,
        "refr_urlpath": "/x%20y",
        "refr_urlquery": "z=1",
        "refr_urlfragment": "f",
    }


# Campaigns and links between sites


def marketing(event: dict[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in event.items() if column.startswith("mkt_")}


def with_step(step: Any) -> Enricher:
    return Enricher(steps=tuple(step if known.name == step.name else known for known in STEPS))


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("utm_term=c%2B%2B", {"mkt_term": "c++"}),
        ("utm_term=desk+lamp", {"mkt_term": "desk lamp"}),
        ("utm_term=a%09b%0A", {"mkt_term": "a    b"}),
        ("utm_source=a&utm_source=b", {"mkt_source": "b"}),
        ("utm_medium=&utm_content", {}),
        ("UTM_SOURCE=x", {}),
        ("dclid=7&gclid=8", {"mkt_clickid": "8", "mkt_network": "Google"}),
        ("msclkid=9", {"mkt_clickid": "9", "mkt_network": "Microsoft"}),
        (
            "utm_medium=m&utm_source=s&utm_content=c&utm_campaign=k",
            {"mkt_medium": "m", "mkt_source": "s", "mkt_content": "c", "mkt_campaign": "k"},
        ),
    ],
)
def test_campaign(event_of: EventOf, query: str, columns: dict[str, str]) -> None:
    assert marketing(event_of({"url": f"http://a.example/?{query}"})) == columns


def test_campaign_configuration(event_of: EventOf) -> None:
    url = {"url": "http://a.example/?utm_campaign=late&cid=early&utm_source=s"}
    lists = with_step(Campaign({"mkt_campaign": ["cid", "utm_campaign"]}))
    assert marketing(event_of(url, enricher=lists)) == {"mkt_campaign": "early"}
    assert marketing(event_of(url, enricher=with_step(Campaign({"mkt_source": []})))) == {}
    empty = {"url": "http://a.example/?utm_campaign=late&cid="}
    assert marketing(event_of(empty, enricher=lists)) == {}
    renamed = with_step(Campaign(click_ids={"gclid": "AdWords", "fbclid": "Facebook"}))
    found = marketing(event_of({"url": "http://a.example/?fbclid=1&gclid=8"}, enricher=renamed))
    assert found == {"mkt_clickid": "8", "mkt_network": "AdWords"}


@pytest.mark.parametrize(
    ("link", "user", "time"),
    [
        ("u-7.1741082405120", "u-7", 1741082405120),
        ("u-7", "u-7", None),
        ("", None, None),
        (".1", None, 1),
        ("1.2.3.4.5.6.7.8", None, None),
    ],
)
def test_cross_navigation_columns(event_of: EventOf, link: str, user: str | None, time: int | None) -> None:
    event = event_of({"url": f"http://a.example/?_sp={link}"})
    assert (event.get("refr_domain_userid"), event.get("refr_dvce_tstamp")) == (user, time)
    assert "derived_contexts" not in event


@pytest.mark.parametrize("link", ["u-7.400000000000000", "abc.x"])
def test_cross_navigation_time_that_is_none(send: Send, link: str) -> None:
    [outcome] = send({"url": f"http://a.example/?_sp={link}", "aid": "a" * 300})
    assert outcome.category == "enrichment_failures"
    [message] = outcome.messages
    assert message["message"]["field"] == "sp_dtm"


def test_cross_navigation_entity(event_of: EventOf) -> None:
    link = "abc.1697175843762.176ff68a-4769-4566-ad0e-3792c1c8148f.dGVzdGVy.c29tZVNvdXJjZUlk.web.dGVzdGluZ19yZWFzb24"
    enricher = with_step(CrossNavigation(entity=True))
    event = event_of({"url": f"http://a.example/?_sp={link}"}, enricher=enricher)
    assert event["derived_contexts"] == [
        {
            "schema": "iglu:com.snowplowanalytics.snowplow/cross_navigation/jsonschema/1-0-0",
            "data": {
                "domain_user_id": "abc",
                "timestamp": "2023-10-13T05:44:03.762Z",
                "session_id": "176ff68a-4769-4566-ad0e-3792c1c8148f",
                "user_id": "tester",
                "source_id": "someSourceId",
                "source_platform": "web",
                "reason": "testing_reason",
            },
        }
    ]
    event = event_of({"url": "http://a.example/?_sp=abc"}, enricher=enricher)
    assert "derived_contexts" not in event


# Addresses


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        (["X-Forwarded-For: 129.78.138.66, 129.78.64.103"], "129.78.138.66"),
        (["x-FoRwaRdeD-FOr: 129.78.138.66, 129.78.64.103"], "129.78.138.66"),
        (["X-Forwarded-For: localhost"], "9.9.9.9"),
        (["X-Forwarded-For: unknown, 1.1.1.1"], "9.9.9.9"),
        (["X-Forwarded-For: " + "a" * 1_000_000], "9.9.9.9"),
        (["X-Forwarded-For: 129.78.138.66abcdefg"], "129.78.138.66"),
        (["X-Forwarded-For: " + ":" * 30], ":" * 15),
        (
            ['X-Forwarded-For: "[2001:0DB8:85a3:0000:0000:8a2e:0370:7334]"'],
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        ),
        (["X-Forwarded-For: 1.1.1.1:8080"], "1.1.1.1"),
        (["X-Forwarded-For: [1fff:0:a88:85a3::ac1f]:8001"], "1fff:0:a88:85a3::ac1f"),
        (["Forwarded: for=2.2.2.2", "X-Forwarded-For: 1.1.1.1"], "1.1.1.1"),
        (["Forwarded: for=2.2.2.2;proto=http", "Host: x"], "2.2.2.2"),
        (['Forwarded: for="[2001:db8::1]:80"'], "2001:db8::1"),
        (["Forwarded: by=2.2.2.2"], "9.9.9.9"),
        (["application/json"], "9.9.9.9"),
    ],
)
def test_client_address(headers: list[str], address: str) -> None:
    assert client_address(headers, "9.9.9.9, 8.8.8.8") == address


def test_client_address_of_nobody() -> None:
    assert client_address([], None) is None


# Texts


@given(st.text(max_size=50))
def test_base64_round_trip(text: str) -> None:
    assert decode_base64(encode_base64(text.encode())) == text


@given(st.text(max_size=50))
def test_base64_never_fails(text: str) -> None:
    decode_base64(text)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", {}),
        ("a=1;b=2&c", {"a": "1", "b": "2", "c": None}),
        ("a=&=b&&a", {"a": None}),
        ("a=b=c", {"a": "b=c"}),
        ("%61=%C3%98+%2B&x=%FF", {"a": "Ø +", "x": "\ufffd"}),
        ("a=1#&b=2", {"a": "1"}),
    ],
)
def test_query_strings(text: str, query: dict[str, str | None]) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("parameters", "columns"),
    [
        ({"aid": "a" * 256}, ["app_id"]),
        ({"page": "a" * 2001}, ["page_title"]),
        ({"ua": "a" * 1001}, ["useragent"]),
        ({"url": "http://a.example/" + "a" * 3000}, ["page_urlpath"]),
        ({"aid": "a" * 300, "page": "a" * 3000}, ["app_id", "page_title"]),
        ({"aid": "😀" * 128}, ["app_id"]),
    ],
)
def test_texts_that_are_too_long(send: Send, parameters: dict[str, str], columns: list[str]) -> None:
    [outcome] = send(parameters)
    assert outcome.category == "schema_violations"
    [message] = outcome.messages
    reports = message["error"]["dataReports"]
    assert [report["path"] for report in reports] == columns
    assert {report["keyword"] for report in reports} == {"atomic_field_length_exceeded"}


def test_length_limits_can_be_changed_and_lifted(event_of: EventOf) -> None:
    assert event_of({"aid": "😀" * 127 + "a"})["app_id"]
    assert event_of({"aid": "a" * 300}, enricher=Enricher(length_limits={}))
    wider = Enricher(length_limits={**LENGTH_LIMITS, "app_id": 300})
    assert event_of({"aid": "a" * 300}, enricher=wider)


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.integers(0, 45))
def test_length_is_counted_in_utf_16(text: str, limit: int) -> None:
    too_long = len(text.encode("utf-16-le")) // 2 > limit
    assert bool(length_reports({"app_id": text}, {"app_id": limit})) is too_long
