"""Edge cases of values, times, addresses of pages and of clients: a test for each row of the specification's table 8.2.

The number in a test's id is the row's. Where a saner behaviour stands in for a quirk of the reference, the row says so.
"""

import time
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from pipeline_rows import JSON, PAGE_VIEW, TP2, events, messages, payload_data, reports, word
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.events.fields import FIELDS
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.timestamp import parse_timestamp
from snowmelt.events.tsv import encode
from snowmelt.settings_enrichment import EnrichmentSettings

HOUR = 3_600_000
RECEIVED = parse_timestamp("2025-03-04 10:00:05.570")
COOKIE_ID = "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"
NINE = parse_timestamp("2014-04-29 09:00:00.000")
COLUMNS = [field.name for field in FIELDS]
FAR = parse_timestamp("2100-01-01 00:00:00.000")
APRIL = parse_timestamp("2014-04-01 00:01:00.000")


class Row(NamedTuple):
    """One input, and the columns that it gives (`None`: empty) or what it fails as.

    Args:
        id: begins with the row's number.
        parameters: beside those of a page view; `None` takes one away.
        expected: columns in the TSV's text form, or a category's short name.
        facts: of the request, in place of the usual ones.
        reports: path and keyword of everything found wrong; not looked at if empty.
        settings: of the enrichments.
    """

    id: str
    parameters: dict[str, str | None]
    expected: dict[str, str | None] | str
    facts: dict[str, Any] = {}  # noqa: RUF012
    reports: list[tuple[str, str]] = []  # noqa: RUF012
    settings: dict[str, Any] = {}  # noqa: RUF012


def outcomes_of(row: Row) -> list[Outcome]:
    facts: dict[str, Any] = {
        "timestamp": RECEIVED,
        "path": TP2,
        "content_type": JSON[1].lower(),
        "ip_address": "203.0.113.9",
        "network_userid": COOKIE_ID,
        "collector": "test-1",
    }
    event = {name: value for name, value in (PAGE_VIEW | row.parameters).items() if value is not None}
    steps = build_steps(EnrichmentSettings.model_validate({"ua_parser": {"enabled": False}} | row.settings))
    payload = CollectorPayload(**facts | {"body": payload_data(event)} | row.facts)
    return Enricher(steps=steps).enrich(payload, RECEIVED + 1)


def failing(number: int, name: str, *texts: str, category: str = "SV", keyword: str = "parse_error") -> list[Row]:
    """Rows of values that a column does not take."""
    found = [(name, f"atomic_field_{keyword}")] if category == "SV" else []
    return [Row(f"{number}-{name}-{text[:24]!r}", {name: text}, category, reports=found) for text in texts]


def lengthy(number: int, name: str, column: str, length: int) -> Row:
    return Row(
        f"{number}-{name}-{length}",
        {name: "x" * length},
        "SV",
        reports=[(column, "atomic_field_length_exceeded")],
    )


def url(number: int, text: str, remark: str = "", facts: dict[str, Any] | None = None, **columns: str | None) -> Row:
    """A page's address and its columns, whose names are shortened; those not named are empty."""
    parts = dict.fromkeys(("scheme", "host", "port", "path", "query", "fragment"))
    stored = columns.pop("stored", text)
    parts |= columns
    expected = {"page_url": stored} | {f"page_url{name}": value for name, value in parts.items()}
    return Row(f"{number}-{text[:40]}{remark}", {"url": text}, expected, facts or {})


def forwarded(number: int, address: str, *headers: str) -> Row:
    return Row(f"{number}-{headers[0][:60]}", {}, {"user_ipaddress": address}, {"headers": list(headers)})


def created(number: int, received: int, derived: str, remark: str, **times: int) -> Row:
    """Device times, and the derived time that they give."""
    parameters: dict[str, str | None] = {name: str(value) for name, value in times.items()}
    return Row(f"{number}-{remark}", parameters, {"derived_tstamp": derived}, {"timestamp": received})


def query(number: int, text: str, settings: dict[str, Any] | None = None, **columns: str | None) -> Row:
    """What the query of the page's address gives; marketing columns that are not named are empty."""
    expected = dict.fromkeys(f"mkt_{name}" for name in ("medium", "source", "term", "content", "campaign"))
    expected |= {"mkt_clickid": None, "mkt_network": None, **columns}
    campaign = {"campaign": settings} if settings else {}
    return Row(f"{number}-{text}", {"url": f"http://a.example/?{text}"}, expected, settings=campaign)


ROWS = [
    Row("34-vid", {"vid": "42"}, {"domain_sessionidx": "42"}),
    Row("34-tid", {"tid": "-42"}, {"txn_id": "-42"}),
    Row("34-null", {"pp_mix": "null"}, {"pp_xoffset_min": None}),
    *failing(35, "vid", "", "1999.", "0x54", "NaN"),
    Row("36-1E7", {"se_va": "1E7"}, {"se_value": "10000000"}),
    Row("36-1.2E9", {"se_va": "1.2E9"}, {"se_value": "1200000000"}),
    Row("36-4.321768E3", {"se_va": "4.321768E3"}, {"se_value": "4321.768"}),
    Row("37-plain", {"se_va": "0.000001"}, {"se_value": "0.000001"}),
    Row("37-exponent", {"se_va": "0.0000001"}, {"se_value": "1E-7"}),
    Row("38-negative", {"se_va": "-137777104559"}, {"se_value": "-137777104559"}),
    Row("39-arabic-indic", {"se_va": "\u0664\u0665\u0666\u0667.\u0666\u0667"}, {"se_value": "4567.67"}),
    *failing(40, "se_va", "12 000", "0x54", "hi & bye"),
    Row("41-flag", {"cookie": "1"}, {"br_cookies": "1"}),
    *failing(41, "cookie", "", "-1", "0.0"),
    Row("42-res", {"res": "012x0800"}, {"dvce_screenwidth": "12", "dvce_screenheight": "800"}),
    *failing(43, "res", "1920", "1920x", "1920 x 1080"),
    Row(
        "44-eid",
        {"eid": "F732D278-120E-4AB6-845B-C1F11CD85DC7"},
        {"event_id": "f732d278-120e-4ab6-845b-c1f11cd85dc7"},
    ),
    *failing(45, "eid", "", "foo", "F732D278-120E-4AB6-845B-C1F11CD85DC"),
    Row(
        "47-sid",
        {"sid": "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"},
        {"domain_sessionid": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"},
    ),
    Row("48-dtm", {"dtm": "1378293015207"}, {"dvce_created_tstamp": "2013-09-04 11:10:15.207"}),
    Row("48-dtm-zero", {"dtm": "0"}, {"dvce_created_tstamp": "1970-01-01 00:00:00.000"}),
    *failing(49, "dtm", "", "1378293015207.5", "11111111111111111111"),
    *failing(50, "dtm", "9999999999999999"),
    *failing(51, "p", "web2", "Web", ""),
    Row("52-uid-empty", {"uid": ""}, {"user_id": None}),
    Row("52-uid-spaces", {"uid": "  a  "}, {"user_id": "  a  "}),
    Row("53-page-backslash-t", {"page": "a\\tb"}, {"page_title": "a\\tb"}),
    Row("54-page-line-feed", {"page": "Hello\n"}, {"page_title": "Hello"}),
    Row("55-page-not-decoded", {"page": "%E2%82%AC 5"}, {"page_title": "%E2%82%AC 5"}),
    Row("56-se_la", {"se_la": "日本語 €"}, {"se_label": "日本語 €"}),
    Row("57-nuid", {"nuid": "anything"}, {"network_userid": "anything"}),
    Row("58-ip", {"ip": "2001:db8::1|x"}, {"user_ipaddress": "2001:db8::1"}),
    Row("59-ti_na", {"e": "ti", "ti_na": "old name"}, {"ti_name": "old name", "event": "transaction_item"}),
    Row("60-aid-255", {"aid": "x" * 255}, {"app_id": "x" * 255}),
    lengthy(60, "aid", "app_id", 256),
    lengthy(61, "page", "page_title", 2001),
    lengthy(61, "ua", "useragent", 1001),
    Row(
        "61-page-path-3001",
        {"url": f"http://a.example/{'x' * 3000}"},
        "SV",
        reports=[("page_urlpath", "atomic_field_length_exceeded")],
    ),
    Row(
        "62-two-too-long",
        {"aid": "x" * 300, "page": "x" * 3000},
        "SV",
        reports=[("app_id", "atomic_field_length_exceeded"), ("page_title", "atomic_field_length_exceeded")],
    ),
    Row("63-length-and-link", {"aid": "x" * 300, "url": "http://a.example/?_sp=abc.x"}, "EF"),
    Row(
        "64-three-wrong",
        {"vid": "x", "res": "9", "dtm": "z"},
        "SV",
        reports=[(name, "atomic_field_parse_error") for name in ("vid", "res", "dtm")],
    ),
    created(65, NINE, "2014-04-29 08:00:00.000", "waited-an-hour", dtm=NINE - 2 * HOUR, stm=NINE - HOUR),
    created(66, NINE, "2014-04-29 09:00:00.000", "created-after-sent", dtm=NINE - HOUR, stm=NINE - 2 * HOUR),
    created(67, NINE, "2014-04-29 09:00:00.000", "dtm-only", dtm=NINE - HOUR),
    created(67, NINE, "2014-04-29 09:00:00.000", "stm-only", stm=NINE - HOUR),
    created(68, NINE, "2001-09-09 01:46:40.000", "true-time", ttm=10**12, dtm=NINE - HOUR, stm=NINE),
    created(69, NINE, "2014-04-29 08:59:58.500", "clock-of-2100", dtm=FAR, stm=FAR + 1500),
    created(
        70,
        APRIL,
        "2014-03-31 23:59:00.000",
        "across-midnight",
        dtm=APRIL - 120_000,
        stm=APRIL,
    ),
    url(
        71,
        "http://www.psychicbazaar.com/oracles/119-psycards-deck.html?view=print#detail",
        scheme="http",
        host="www.psychicbazaar.com",
        port="80",
        path="/oracles/119-psycards-deck.html",
        query="view=print",
        fragment="detail",
    ),
    url(72, "https://a.example#top", scheme="https", host="a.example", port="443", fragment="top"),
    url(73, "http://a.example:8081/in.php", scheme="http", host="a.example", port="8081", path="/in.php"),
    # The quirk is kept: consumers may compare ports of events of both pipelines.
    url(74, "HTTPS://Shop.Example/A", scheme="HTTPS", host="Shop.Example", port="80", path="/A"),
    url(
        75,
        "http://a.example/?q=a b",
        stored="http://a.example/?q=a%20b",
        scheme="http",
        host="a.example",
        port="80",
        path="/",
        query="q=a%20b",
    ),
    url(
        76,
        "http://a.example/?q={x}",
        stored="http://a.example/?q=%7Bx%7D",
        scheme="http",
        host="a.example",
        port="80",
        path="/",
        query="q=%7Bx%7D",
    ),
    url(
        77,
        "http://a.example/%zz",
        stored="http://a.example/%25zz",
        scheme="http",
        host="a.example",
        port="80",
        path="/%25zz",
    ),
    url(
        78,
        "http://a.example/p?x=1&y=[2]",
        scheme="http",
        host="a.example",
        port="80",
        path="/p",
        query="x=1&y=[2]",
    ),
    url(79, "/p/1?x=2", port="80", path="/p/1", query="x=2"),
    url(79, "shop", port="80", path="shop"),
    url(80, "mailto:x@y.example", scheme="mailto", port="80"),
    url(81, "http://bücher.example/é", scheme="http", port="80", path="/é"),
    Row("82-no-url", {}, dict.fromkeys(("page_url", "page_urlhost", "page_urlport", "page_urlpath"))),
    Row(
        "83-referrer",
        {"refr": "http://b.example:8080/x y?z=1"},
        {
            "page_referrer": "http://b.example:8080/x y?z=1",
            "refr_urlpath": "/x%20y",
            "refr_urlport": "8080",
            "refr_urlhost": "b.example",
            "refr_urlquery": "z=1",
        },
    ),
    query(84, "utm_term=c%2B%2B", mkt_term="c++"),
    query(84, "utm_term=desk+lamp", mkt_term="desk lamp"),
    query(85, "utm_campaign=a&cid=b", {"campaign": ["cid", "utm_campaign"]}, mkt_campaign="b"),
    query(
        86,
        "utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e",
        {name: [] for name in ("medium", "source", "term", "content", "campaign")},
    ),
    query(87, "dclid=7&gclid=8", mkt_clickid="8", mkt_network="Google"),
    query(88, "gclid=8", {"click_ids": {"gclid": "AdWords"}}, mkt_clickid="8", mkt_network="AdWords"),
    query(89, "UTM_SOURCE=x"),
    query(
        90,
        "_sp=u-7.1741082405120",
        refr_domain_userid="u-7",
        refr_dvce_tstamp="2025-03-04 10:00:05.120",
        derived_contexts=None,
    ),
    query(91, "_sp=u-7", refr_domain_userid="u-7", refr_dvce_tstamp=None),
    query(91, "_sp=", refr_domain_userid=None, refr_dvce_tstamp=None),
    Row("92-link-of-no-time", {"url": "http://a.example/?_sp=u-7.400000000000000"}, "EF"),
    forwarded(93, "129.78.138.66", "X-Forwarded-For: 129.78.138.66, 129.78.64.103"),
    forwarded(93, "129.78.138.66", "x-FoRwaRdeD-FOr: 129.78.138.66, 129.78.64.103"),
    forwarded(94, "203.0.113.9", "X-Forwarded-For: localhost"),
    forwarded(94, "203.0.113.9", f"X-Forwarded-For: {'a' * 1_000_000}"),
    forwarded(95, "129.78.138.66", "X-Forwarded-For: 129.78.138.66abcdefg"),
    # The quirk is kept: it is no address in either form.
    forwarded(96, ":" * 15, f"X-Forwarded-For: {':' * 30}"),
    forwarded(
        97,
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        'X-Forwarded-For: "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]"',
    ),
    forwarded(98, "1.1.1.1", "X-Forwarded-For: 1.1.1.1:8080"),
    forwarded(98, "1fff:0:a88:85a3::ac1f", "X-Forwarded-For: [1fff:0:a88:85a3::ac1f]:8001"),
    forwarded(99, "1.1.1.1", "Forwarded: for=2.2.2.2", "X-Forwarded-For: 1.1.1.1"),
    # The reference forgets `Forwarded` when other headers follow it; here it is simply heeded.
    forwarded(99, "2.2.2.2", "Forwarded: for=2.2.2.2", "Host: a.example"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row(row: Row) -> None:
    started = time.monotonic()
    [outcome] = outcomes_of(row)
    assert time.monotonic() - started < 1, "at once, whatever it is"
    if isinstance(row.expected, str):
        assert word(outcome) == row.expected
        assert len(messages([outcome])) == 1
        if row.reports:
            assert reports([outcome]) == row.reports
    else:
        assert word(outcome) == "good", messages([outcome])
        [event] = events([outcome])
        cells = dict(zip(COLUMNS, encode(event).split("\t"), strict=True))
        assert {column: cells[column] or None for column in row.expected} == row.expected


def test_row_46_no_eid_gives_a_random_one_each_time() -> None:
    ids = {events(outcomes_of(Row("46", {}, {})))[0]["event_id"] for _ in range(20)}
    assert len(ids) == 20 and {UUID(one).version for one in ids} == {4}


def test_row_92_names_the_field() -> None:
    [message] = messages(outcomes_of(next(row for row in ROWS if row.id.startswith("92-"))))
    assert message["message"]["field"] == "sp_dtm"


def test_row_63_does_not_mention_the_length() -> None:
    [message] = messages(outcomes_of(next(row for row in ROWS if row.id.startswith("63-"))))
    assert message["message"]["field"] == "sp_dtm"


def test_every_row_of_the_table_is_here() -> None:
    assert {int(row.id.partition("-")[0]) for row in ROWS} | {46} == set(range(34, 100))
