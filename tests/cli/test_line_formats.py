"""Each format of ``snowmelt ingest``, line by line."""

import json

import pytest

from snowmelt.connectors.line_formats import LINE_FORMATS, UNREADABLE, Format
from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.events import tsv
from snowmelt.stores.event_log import Kind, decode_payload

PAYLOAD = {
    "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
    "data": [{"e": "pv", "p": "web", "tv": "js-4", "url": "https://shop.example/", "duid": "u"}],
}


def test_tsv_becomes_the_json_form() -> None:
    line = tsv.encode({"app_id": "shop", "collector_tstamp": 1741082405158, "br_cookies": True})
    converted = LINE_FORMATS["enriched-tsv"].convert(line.encode())
    assert json.loads(converted) == {
        "app_id": "shop",
        "collector_tstamp": "2025-03-04T10:00:05.158Z",
        "br_cookies": True,
    }


def test_json_of_other_tools_is_brought_into_the_form_that_the_engine_reads() -> None:
    line = b'{"collector_tstamp": "2025-03-04 10:00:05.158", "br_cookies": 1, "user_id": null}'
    assert json.loads(LINE_FORMATS["enriched-json"].convert(line)) == {
        "collector_tstamp": "2025-03-04T10:00:05.158Z",
        "br_cookies": True,
    }


def test_events_are_gathered_into_records_of_five_hundred() -> None:
    lines = [b'{"app_id":"%d"}' % number for number in range(1_001)]
    records = list(LINE_FORMATS["enriched-json"].records(lines, 7))
    assert [(kind, time, body.count(b"\n") + 1) for kind, time, body in records] == [
        (Kind.EVENTS, 7, 500),
        (Kind.EVENTS, 7, 500),
        (Kind.EVENTS, 7, 1),
    ]
    assert b"\n".join(body for _, _, body in records).split(b"\n") == lines


def test_a_payload_is_enriched_like_a_request_of_a_tracker() -> None:
    line_format = LINE_FORMATS["payload"]
    [(kind, time, body)] = line_format.records([line_format.convert(json.dumps(PAYLOAD).encode())], 1741082405158)
    assert (kind, time) == (Kind.PAYLOAD, 1741082405158)
    [outcome] = Enricher().enrich(decode_payload(body), 1741082405158)
    assert not isinstance(outcome, FailedEvent), outcome.reason
    assert outcome.event["domain_userid"] == "u"
    assert outcome.event["collector_tstamp"] == 1741082405158


@pytest.mark.parametrize(
    ("line_format", "line", "reason"),
    [
        ("enriched-tsv", b"a\tb", "131"),
        ("enriched-tsv", b"\xff" * 3, "utf-8"),
        ("enriched-json", b"[1]", "one JSON object"),
        ("enriched-json", b"{", "not JSON"),
        ("enriched-json", b'{"collector_tstamp": "soon"}', "collector_tstamp"),
        ("payload", b'{"data": {}}', "data"),
        ("payload", b'{"schema": "iglu:com.acme/a/jsonschema/1-0-0", "data": []}', "payload_data"),
        ("payload", b"nothing", "JSON"),
    ],
)
def test_what_is_not_of_the_format_is_refused_with_the_reason(line_format: Format, line: bytes, reason: str) -> None:
    with pytest.raises(UNREADABLE, match=reason):
        LINE_FORMATS[line_format].convert(line)
