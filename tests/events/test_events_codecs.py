import json as stdlib_json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.events import json, tsv
from snowmelt.events.errors import LineError
from snowmelt.events.fields import FIELDS


@given(st.data())
def test_tsv_round_trip(canonical_events: st.SearchStrategy[dict[str, Any]], data: st.DataObject) -> None:
    event = data.draw(canonical_events)
    line = tsv.encode(event)
    assert line.count("\t") == 130
    assert tsv.decode(line) == event


@given(st.data())
def test_json_round_trip(canonical_events: st.SearchStrategy[dict[str, Any]], data: st.DataObject) -> None:
    event = data.draw(canonical_events)
    line = json.encode(event)
    assert b"\n" not in line
    form = json.to_form(event)
    assert json.decode(line) == form
    assert json.decode(json.encode_form(json.decode(line))) == form
    msgspec.json.decode(line)


@given(st.data())
def test_encoding_leaves_the_event_alone(
    canonical_events: st.SearchStrategy[dict[str, Any]], data: st.DataObject
) -> None:
    event = data.draw(canonical_events)
    before = repr(event)
    json.encode(event)
    tsv.encode(event)
    assert repr(event) == before


def test_an_event_body_of_null_is_an_absent_one() -> None:
    event = {"app_id": "a", "unstruct_event": {"schema": "iglu:com.acme/click/jsonschema/1-0-0", "data": None}}
    assert json.encode(event) == b'{"app_id":"a"}'


def entity(name: str, data: Any) -> dict[str, Any]:
    return {"schema": f"iglu:com.acme/{name}/jsonschema/1-0-3", "data": data}


def test_json_form() -> None:
    event = {
        "event_id": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01",
        "collector_tstamp": 1741082405158,
        "domain_sessionidx": 3,
        "se_value": Decimal("42.50"),
        "br_cookies": True,
        "geo_latitude": 51.5142,
        "geo_longitude": -0.0931,
        "unstruct_event": entity("linkClick", {"x": 1.0}),
        "contexts": [
            entity("product", {"id": "a"}),
            entity("user", {"u": 1}),
            entity("product", {"id": "b"}),
        ],
        "derived_contexts": [entity("product", {"id": "c"}), entity("bot", {"bot": False})],
    }
    assert stdlib_json.loads(json.encode(event)) == {
        "event_id": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01",
        "collector_tstamp": "2025-03-04T10:00:05.158Z",
        "domain_sessionidx": 3,
        "se_value": 42.5,
        "br_cookies": True,
        "geo_latitude": 51.5142,
        "geo_longitude": -0.0931,
        "geo_location": "51.5142,-0.0931",
        "unstruct_event_com_acme_link_click_1": {"x": 1.0},
        "contexts_com_acme_product_1": [{"id": "a"}, {"id": "b"}, {"id": "c"}],
        "contexts_com_acme_user_1": [{"u": 1}],
        "contexts_com_acme_bot_1": [{"bot": False}],
    }
    assert b'"se_value":42.50' in json.encode(event)


def test_json_of_other_tools_is_accepted() -> None:
    line = """{"app_id":null,"user_id":"u","se_value":"42.50","tr_total":7,"br_cookies":1,
        "dvce_ismobile":false,
        "collector_tstamp":"2025-03-04 10:00:05.158","etl_tstamp":"2025-03-04T10:00:05.000Z",
        "refr_device_tstamp":"2025-03-04T11:00:05.1+01:00","page_urlport":443.0,"geo_latitude":"10.5",
        "contexts_com_acme_x_1":[{"_schema_version":"1-0-0","a":null}],"unstruct_event_com_acme_y_1":{"b":null},
        "somebodys_own":{"c":1}}"""
    assert json.decode(line) == {
        "user_id": "u",
        "se_value": Decimal("42.50"),
        "tr_total": Decimal(7),
        "br_cookies": True,
        "dvce_ismobile": False,
        "collector_tstamp": "2025-03-04T10:00:05.158Z",
        "etl_tstamp": "2025-03-04T10:00:05Z",
        "refr_dvce_tstamp": "2025-03-04T10:00:05.100Z",
        "page_urlport": 443,
        "geo_latitude": 10.5,
        "contexts_com_acme_x_1": [{"_schema_version": "1-0-0", "a": None}],
        "unstruct_event_com_acme_y_1": {"b": None},
        "somebodys_own": {"c": 1},
    }


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("", None),
        ("[]", None),
        ('{"app_id":5}', "app_id"),
        ('{"txn_id":1.5}', "txn_id"),
        ('{"txn_id":true}', "txn_id"),
        ('{"se_value":"a"}', "se_value"),
        ('{"se_value":false}', "se_value"),
        ('{"br_cookies":"yes"}', "br_cookies"),
        ('{"derived_tstamp":"yesterday"}', "derived_tstamp"),
        ('{"contexts":"{}"}', "contexts"),
        ('{"contexts_com_acme_x_1":{}}', "contexts_com_acme_x_1"),
    ],
)
def test_json_errors_name_the_column(line: str, column: str | None) -> None:
    with pytest.raises(LineError) as caught:
        json.decode(line)
    assert caught.value.column == column


def test_empty_event_is_130_tabs() -> None:
    assert tsv.encode({}) == "\t" * 130
    assert tsv.decode("\t" * 130 + "\r\n") == {}


@pytest.mark.parametrize("columns", [1, 130, 132])
def test_other_counts_of_columns_are_rejected_with_the_count(columns: int) -> None:
    with pytest.raises(LineError, match=f"131 tab-separated columns, this line has {columns}$"):
        tsv.decode("\t" * (columns - 1))


def test_a_line_as_pipelines_write_it() -> None:
    cells = dict.fromkeys((field.name for field in FIELDS), "")
    cells |= {
        "app_id": "shop",
        "platform": "web",
        "etl_tstamp": "2025-03-04 10:00:06.001",
        "collector_tstamp": "2025-03-04 10:00:05.570",
        "event": "unstruct",
        "event_id": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01",
        "domain_sessionidx": "3",
        "geo_latitude": "51.5142",
        "geo_longitude": "4.0E-4",
        "page_urlport": "443",
        "contexts": '{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0","data":'
        '[{"schema":"iglu:com.acme/x/jsonschema/1-0-0","data":{"price":1E1}}]}',
        "se_value": "1E-7",
        "unstruct_event": '{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",'
        '"data":{"schema":"iglu:com.acme/y/jsonschema/2-0-0","data":{}}}',
        "br_cookies": "1",
        "br_features_pdf": "0",
    }
    line = "\t".join(cells.values())
    event = tsv.decode(line + "\n")
    assert event == {
        "app_id": "shop",
        "platform": "web",
        "etl_tstamp": 1741082406001,
        "collector_tstamp": 1741082405570,
        "event": "unstruct",
        "event_id": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01",
        "domain_sessionidx": 3,
        "geo_latitude": 51.5142,
        "geo_longitude": 0.0004,
        "page_urlport": 443,
        "contexts": [{"schema": "iglu:com.acme/x/jsonschema/1-0-0", "data": {"price": 10.0}}],
        "se_value": Decimal("1E-7"),
        "unstruct_event": {"schema": "iglu:com.acme/y/jsonschema/2-0-0", "data": {}},
        "br_cookies": True,
        "br_features_pdf": False,
    }
    # Written again only the wrapper of the entities differs: it is always of the newest version.
    assert tsv.encode(event) == line.replace("contexts/jsonschema/1-0-0", "contexts/jsonschema/1-0-1")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("collector_tstamp", "today"),
        ("txn_id", "x"),
        ("se_value", "1,5"),
        ("geo_latitude", "NaN"),
        ("br_cookies", "true"),
        ("contexts", "[1,2"),
        ("contexts", '{"schema":"s","data":{}}'),
        ("contexts", '{"schema":"s","data":[{"schema":"nowhere","data":1}]}'),
        ("unstruct_event", "{}"),
        ("unstruct_event", '{"schema":"s","data":{"schema":"nowhere","data":1}}'),
    ],
)
def test_tsv_errors_name_the_column(column: str, cell: str) -> None:
    line = "\t".join(cell if field.name == column else "" for field in FIELDS)
    with pytest.raises(LineError, match=f"^column {column}: ") as caught:
        tsv.decode(line)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("app_id", "a\tb"),
        ("app_id", "a\nb"),
        ("app_id", 5),
        ("geo_latitude", 1e39),
        ("se_value", "1.5"),
        ("contexts", [object()]),
    ],
)
def test_what_a_tsv_line_cannot_carry(column: str, value: Any) -> None:
    with pytest.raises(LineError, match=f"^column {column}: "):
        tsv.encode({column: value})
