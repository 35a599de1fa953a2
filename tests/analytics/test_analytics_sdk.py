"""Enriched events as TSV, read by the vendor's own library: no error, and every field as in the JSON form."""

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from isolated_environment import isolated_python
from pipeline_rows import JSON, TP2, events, messages, payload_data
from snowmelt.enrichment.base64_text import encode_base64
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.events import json as event_json
from snowmelt.events import tsv
from snowmelt.events.fields import FIELDS, columns_of
from snowmelt.events.json_text import dump_json
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.timestamp import parse_timestamp
from snowmelt.settings_enrichment import EnrichmentSettings

READER = """
import json, sys
from snowplow_analytics_sdk.event_transformer import transform
for line in sys.stdin:
    print(json.dumps(transform(line.rstrip("\\n"))))
"""
NEVER_FILLED = (
    {"etl_tags", "dvce_type", "dvce_ismobile", "base_currency", "tr_total_base", "tr_tax_base", "tr_shipping_base"}
    | {"ti_price_base", "os_name", "os_family", "os_manufacturer"}
    | {f"br_{word}" for word in ("name", "family", "version", "type", "renderengine")}
)
"""Columns of enrichments that are out of date, or that the specification leaves out."""
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
ACME = "iglu:com.acme"


def described(event: dict[str, Any]) -> str:
    return dump_json({"schema": f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0", "data": event}).decode()


def entities(*items: dict[str, Any]) -> str:
    return dump_json({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-0", "data": list(items)}).decode()


def item(name: str, data: Any, version: str = "1-0-0") -> dict[str, Any]:
    return {"schema": f"{ACME}/{name}/jsonschema/{version}", "data": data}


FLAGS = ("pdf", "fla", "java", "dir", "qt", "realp", "wma", "gears", "ag")
DEVICE = {"res": "1920x1080", "vp": "1200x800", "ds": "1200x4000", "cd": "24", "cs": "UTF-8", "tz": "Europe/Oslo"}
NESTED = {"a": {"b": [1, 2.5, None, True, "x"], "c": {}}, "d": [[], [{}]], "e": -0.0, "f": 1e300, "g": 10**18}
PERSON = {"uid": "u-1", "duid": "d-1", "vid": "7", "fp": "1234", "sid": "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"}
LINK = f"http://shop.example/p?_sp=u-7.1741082405120.{PERSON['sid']}..{encode_base64(b'app')}.web"

EVENTS: list[dict[str, str]] = [
    {"e": "pv", "url": "https://shop.example/a?b=c#d", "page": "Home", "refr": "https://www.google.com/search?q=lamp"},
    {"e": "pv", "url": "http://shop.example:8080/", "refr": "http://user@other.example:81/x?y=z#w", **PERSON},
    {"e": "pv", "url": "http://a.example/?q={x}|y z", "page": "tab\tand\nline", **DEVICE},
    {
        "e": "pv",
        "url": "https://a.example/?utm_source=s&utm_medium=m&utm_campaign=c&utm_term=t+u&utm_content=%C3%A9&gclid=7",
    },
    {"e": "pv", "url": LINK, "lang": "nb-NO", "cookie": "1"},
    {"e": "pv", "url": "mailto:x@y.example", "tna": "cf"},
    {"e": "pv", **{f"f_{flag}": str(number % 2) for number, flag in enumerate(FLAGS)}, "cookie": "0"},
    {"e": "pp", "pp_mix": "0", "pp_max": "12", "pp_miy": "-3", "pp_may": "2147483647"},
    {"e": "pp", "pp_mix": "null", "tid": "42"},
    *({"e": "se", "se_ca": "c", "se_ac": "a", "se_va": text} for text in ("1", "42.50", "1E7", "0.0000001", "-3", "0")),
    {"e": "se", "se_ca": "shop", "se_ac": "buy", "se_la": "日本語 €", "se_pr": "p q"},
    {
        "e": "tr",
        "tr_id": "o-1",
        "tr_af": "web",
        "tr_tt": "99.90",
        "tr_tx": "9.99",
        "tr_sh": "0",
        "tr_ci": "Ålesund",
        "tr_st": "M&R",
        "tr_co": "Norway",
        "tr_cu": "NOK",
    },
    {
        "e": "ti",
        "ti_id": "o-1",
        "ti_sk": "s",
        "ti_nm": "lamp",
        "ti_ca": "light",
        "ti_pr": "33.30",
        "ti_qu": "3",
        "ti_cu": "NOK",
    },
    {"e": "ue", "ue_pr": described(item("click", {"target": "x"}))},
    {"e": "ue", "ue_px": encode_base64(described(item("greeting", {"text": "γειά 🙂", "n": 1.0})).encode())},
    {"e": "ue", "ue_pr": described(item("linkClick", NESTED, "2-3-4"))},
    {"e": "ue", "ue_pr": described(item("list", [1, "two", {"three": 3}]))},
    {"e": "ue", "ue_pr": described(item("quotes", {'"k"': 'a"b\\c/d\u2028e', "": "empty key"}))},
    {"e": "ue"},
    {"e": "pv", "co": entities(item("page", {"id": "1"}))},
    {"e": "pv", "co": entities(item("product", {"p": 1.5}), item("product", {"p": 2}), item("cart", {}))},
    {"e": "pv", "cx": encode_base64(entities(item("one_two", {"é": "ü"}), item("OneTwo", {})).encode())},
    {"e": "pv", "co": entities(item("big", {"n": 2**63, "t": "x" * 5_000}))},
    {"e": "pv", "dtm": "1741082400000", "stm": "1741082401250"},
    {"e": "pv", "ttm": "1000000000000"},
    {"e": "pv", "dtm": "0", "eid": "F732D278-120E-4AB6-845B-C1F11CD85DC7"},
    {"e": "pv", "ip": "175.16.199.1", "ua": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
    {"e": "pv", "ip": "2001:db8::1", "ua": "curl/8.5.0"},
    {"e": "pv", "nuid": "anything", "tnuid": "better", "aid": " spaces "},
]


@pytest.fixture(scope="module")
def enriched(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The events, with everything on that adds to them."""
    path = tmp_path_factory.mktemp("mmdb") / "all.mmdb"
    place = {
        "country": {"iso_code": "CN"},
        "subdivisions": [{"iso_code": "22", "names": {"en": "Jilin Sheng"}}],
        "city": {"names": {"en": "Changchun"}},
        "postal": {"code": "130000"},
        "location": {"latitude": 43.88, "longitude": -0.0004, "time_zone": "Asia/Harbin"},
        "isp": "Acme",
        "organization": "Acme Ltd",
        "domain": "acme.example",
        "connection_type": "Cable/DSL",
        "autonomous_system_number": 64_500,
    }
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test", float_type="f64")
    writer.insert_network(IPSet(["175.16.199.0/24"]), place)
    writer.to_db_file(str(path))
    settings = {
        "ip_lookups": dict.fromkeys(("geo", "isp", "domain", "connection_type", "asn"), str(path)),
        "event_fingerprint": {"enabled": True},
        "cross_navigation": {"enabled": True},
        "bot_detection": {"enabled": True},
        "cookie_extractor": {"cookies": ["a"]},
    }
    enricher = Enricher(steps=build_steps(EnrichmentSettings.model_validate(settings)))
    payload = CollectorPayload(
        timestamp=1_741_082_405_570,
        path=TP2,
        content_type=JSON[1].lower(),
        body=payload_data(*({"tv": "js-4.6.0", "p": "web"} | event for event in EVENTS)),
        headers=["Cookie: a=b"],
        ip_address="203.0.113.9",
        network_userid="0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11",
        collector="test-1",
    )
    outcomes = enricher.enrich(payload, 1_741_082_406_000)
    assert messages(outcomes) == []
    return events(outcomes)


def test_the_events_fill_every_column_that_is_ever_filled(enriched: list[dict[str, Any]]) -> None:
    assert len(enriched) == len(EVENTS) >= 30
    filled = {column for event in enriched for column in event}
    assert {field.name for field in FIELDS} - filled == NEVER_FILLED


TIMESTAMPS = set(columns_of("timestamp"))


def comparable(form: dict[str, Any]) -> dict[str, Any]:
    """One form for what both write differently: times with and without a zero fraction, and one column's name and
    another one's type, in which that library differs from the warehouses."""
    form = {"refr_dvce_tstamp" if name == "refr_device_tstamp" else name: value for name, value in form.items()}
    for name in TIMESTAMPS & form.keys():
        form[name] = parse_timestamp(form[name])
    if "se_value" in form:
        form["se_value"] = Decimal(form["se_value"])
    if "geo_location" in form:
        form["geo_location"] = [float(part) for part in form["geo_location"].split(",")]
    return form


def test_the_vendors_library_reads_every_field_of_every_event(enriched: list[dict[str, Any]], tmp_path: Path) -> None:
    lines = "".join(f"{tsv.encode(event)}\n" for event in enriched)
    script = tmp_path / "reader.py"
    script.write_text(READER)
    read = subprocess.run(
        [str(isolated_python("analytics")), "-W", "ignore", str(script)],
        input=lines.encode(),
        capture_output=True,
    )
    assert read.returncode == 0, read.stderr.decode()
    theirs = [json.loads(line) for line in read.stdout.splitlines()]
    assert len(theirs) == len(enriched)
    for event, form in zip(enriched, theirs, strict=True):
        ours = json.loads(event_json.encode(event))
        if "se_value" in ours:
            ours["se_value"] = str(event["se_value"])
        if "unstruct_event" in event and event["unstruct_event"]["data"] is None:
            form.pop("unstruct_event")
        assert comparable(form) == comparable(ours), event["event_id"]


def test_and_so_do_we(enriched: list[dict[str, Any]]) -> None:
    for event in enriched:
        again = tsv.decode(tsv.encode(event))
        assert json.loads(event_json.encode(again)) == json.loads(event_json.encode(event))
