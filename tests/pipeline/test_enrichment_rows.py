"""Edge cases of the enrichments: a test for each row from 113 to 127 of the specification's table 8.3.

The number in a test's id is the row's.
"""

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from pipeline_rows import PAGE_VIEW, events, messages, word
from snowmelt.enrichment.base64_text import encode_base64
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.steps.iab import Iab, Verdict
from snowmelt.enrichment.steps.ip_masking import IpMasking
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.enrichment.steps.pseudonymisation import Pseudonymisation
from snowmelt.events.json_text import dump_json
from snowmelt.events.payload import CollectorPayload
from snowmelt.settings_enrichment import EnrichmentSettings

NOW = 1_741_082_406_000
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 5_1_1 like Mac OS X) AppleWebKit/534.46 (KHTML, like Gecko) "
    "Version/5.1 Mobile/9B206 Safari/7534.48.3"
)


def outcomes(parameters: dict[str, str], settings: dict[str, Any] | None = None, **facts: Any) -> list[Outcome]:
    """What becomes of a page view with some enrichments on, and that of the user agent only if it is named."""
    usual = {"ua_parser": {"enabled": False}}
    steps = build_steps(EnrichmentSettings.model_validate(usual | (settings or {})))
    event = parameters | {name: PAGE_VIEW[name] for name in PAGE_VIEW.keys() - parameters.keys()}
    body = dump_json({"schema": f"{SNOWPLOW}/payload_data/jsonschema/1-0-4", "data": [event]})
    request: dict[str, Any] = {
        "timestamp": NOW,
        "path": "/com.snowplowanalytics.snowplow/tp2",
        "content_type": "application/json",
        "collector": "test-1",
    }
    return Enricher(steps=steps).enrich(CollectorPayload(**request | {"body": body} | facts), NOW)


def event_of(parameters: dict[str, str], settings: dict[str, Any] | None = None, **facts: Any) -> dict[str, Any]:
    found = outcomes(parameters, settings, **facts)
    assert [word(outcome) for outcome in found] == ["good"], messages(found)
    return events(found)[0]


def derived(event: dict[str, Any], name: str) -> list[Any]:
    """The data of the entities of a name that enrichment attached."""
    return [item["data"] for item in event.get("derived_contexts", ()) if f"/{name}/" in item["schema"]]


# 113, 114: what one failed event tells


def test_row_113_one_failed_event_tells_of_values_event_and_entities() -> None:
    wrapper = f"{SNOWPLOW}/contexts/jsonschema/1-0-0"
    bad = [{"schema": "iglu:com.acme/x/jsonschema/0-0-0", "data": {}}] * 2
    found = outcomes({"vid": "x", "e": "ue", "ue_pr": "{", "co": dump_json({"schema": wrapper, "data": bad}).decode()})
    assert [word(outcome) for outcome in found] == ["SV"]
    assert len(messages(found)) == 4


def test_row_114_one_failed_event_tells_of_every_step() -> None:
    found = outcomes({"e": "ad", "url": "http://a.example/?_sp=abc.x"})
    assert [word(outcome) for outcome in found] == ["EF"]
    assert [message["message"]["field"] for message in messages(found)] == ["sp_dtm", "event"]


# 115 to 117: referrers


class Referrer(NamedTuple):
    """A referrer, and medium, source and term."""

    id: str
    url: str
    expected: tuple[str | None, str | None, str | None]
    settings: dict[str, Any] = {}  # noqa: RUF012


GOOGLE = "http://www.google.com/search"
ACME = {"referrers": {"search": {"Acme Search": {"domains": ["acme.com"], "parameters": ["find"]}}}}
REFERRERS = [
    Referrer(
        "115-search",
        f"{GOOGLE}?q=gateway+oracle+cards+denise+linn&hl=en",
        ("search", "Google", "gateway oracle cards denise linn"),
    ),
    Referrer("115-term-with-tab", f"{GOOGLE}?q=%0Aa%09b", ("search", "Google", "a    b")),
    Referrer("116-social", "http://www.facebook.com/l.php?u=x", ("social", "Facebook", None)),
    Referrer("116-email", "http://36ohk6.mail.yahoo.net/om/api/1.0/x", ("email", "Yahoo! Mail", None)),
    Referrer("116-chatbot", "https://www.chatgpt.com", ("chatbot", "ChatGPT", None)),
    Referrer("116-unknown", "http://www.spyfu.com/a?q=b", ("unknown", None, None)),
    Referrer("116-no-host", "file:///x", (None, None, None)),
    Referrer("116-another-scheme", "ftp://www.google.com/?q=a", (None, None, None)),
    Referrer("116-app", "android-app://com.google.android.gm/", ("email", "Gmail", None)),
    Referrer("117-page-itself", "https://shop.example/a?q=b", ("internal", None, None)),
    Referrer("117-subdomain-is-another", "https://a.shop.example/", ("unknown", None, None)),
    Referrer("117-own-host", "https://pay.example/a", ("internal", None, None), {"internal_domains": ["pay.example"]}),
    Referrer("117-own-entry", "http://www.acme.com/x?find=y", ("search", "Acme Search", "y"), ACME),
    Referrer(
        "117-own-entry-first",
        f"{GOOGLE}?find=z",
        ("paid", "Ads", "z"),
        {"referrers": {"paid": {"Ads": {"domains": ["google.com"], "parameters": ["find"]}}}},
    ),
]


@pytest.mark.parametrize("row", REFERRERS, ids=lambda row: row.id)
def test_referrer_row(row: Referrer) -> None:
    event = event_of({"url": "https://shop.example/", "refr": row.url}, {"referer_parser": row.settings})
    assert tuple(event.get(f"refr_{part}") for part in ("medium", "source", "term")) == row.expected


def test_row_116_a_database_of_the_operators_takes_the_place_of_the_short_list(tmp_path: Path) -> None:
    database = tmp_path / "referers.json"
    database.write_bytes(
        dump_json(
            {
                "unknown": {"Google": {"domains": ["support.google.com"]}},
                "search": {"Find": {"domains": ["find.example", "find.example/images/"], "parameters": ["w"]}},
                "social": {"Chat": {"domains": ["find.example/chat"]}},
            }
        )
    )
    settings = {"referer_parser": {"database": str(database)}}
    found = {
        url: event_of({"refr": url}, settings).get("refr_source")
        for url in (
            f"{GOOGLE}?q=a",
            "https://support.google.com/x",
            "https://www.find.example/images/?w=1",
            "https://find.example/chat/room/7",
        )
    }
    assert list(found.values()) == [None, "Google", "Find", "Chat"]


def test_row_115_the_enrichment_can_be_off() -> None:
    event = event_of({"refr": f"{GOOGLE}?q=a"}, {"referer_parser": {"enabled": False}})
    assert "refr_medium" not in event and event["refr_urlhost"] == "www.google.com"


# 118: user agents


def test_row_118_user_agent() -> None:
    event = event_of({"ua": IPHONE}, {"ua_parser": {"enabled": True}})
    assert derived(event, "ua_parser_context") == [
        {
            "useragentFamily": "Mobile Safari",
            "useragentMajor": "5",
            "useragentMinor": "1",
            "useragentPatch": None,
            "useragentVersion": "Mobile Safari 5.1",
            "osFamily": "iOS",
            "osMajor": "5",
            "osMinor": "1",
            "osPatch": "1",
            "osPatchMinor": None,
            "osVersion": "iOS 5.1.1",
            "deviceFamily": "iPhone",
        }
    ]


def test_row_118_no_user_agent_and_one_that_is_none(tmp_path: Path) -> None:
    on = {"ua_parser": {"enabled": True}}
    assert "derived_contexts" not in event_of({}, on)
    [other] = derived(event_of({"ua": "nobody knows"}, on), "ua_parser_context")
    assert (other["useragentFamily"], other["useragentVersion"], other["osMajor"]) == ("Other", "Other", None)
    rules = tmp_path / "regexes.yaml"
    rules.write_text(
        "user_agent_parsers:\n- regex: '(Acme)/(\\d+)'\nos_parsers: []\ndevice_parsers: []\n",
    )
    own = {"ua_parser": {"rules": str(rules)}}
    assert derived(event_of({"ua": "Acme/7"}, own), "ua_parser_context")[0]["useragentVersion"] == "Acme 7"


# 119: addresses


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Databases as MaxMind lays them out, of a few addresses."""
    folder = tmp_path_factory.mktemp("mmdb")
    city = {
        "country": {"iso_code": "CN", "names": {"en": "China"}},
        "subdivisions": [{"iso_code": "22", "names": {"en": "Jilin Sheng", "zh-CN": "吉林"}}],
        "city": {"names": {"en": "Changchun"}},
        "location": {"latitude": 43.88, "longitude": 125.3228, "time_zone": "Asia/Harbin"},
    }
    system = {"autonomous_system_number": 64_500, "autonomous_system_organization": "Acme Hosting"}
    tables: dict[str, dict[str, Any]] = {
        "geo": {"175.16.199.0/24": city, "2001:db8::/32": {"country": {"iso_code": "GB"}}, "198.51.100.0/24": {}},
        "isp": {"175.16.199.0/24": {"isp": "Acme\tNet", "organization": "Acme", **system}},
        "domain": {"175.16.199.0/24": {"domain": "acme.example"}},
        "connection_type": {"175.16.199.0/24": {"connection_type": "Cable/DSL"}},
        "asn": {"175.16.199.0/24": system | {"autonomous_system_number": 64_501}, "203.0.113.0/24": system},
    }
    files = {}
    for kind, entries in tables.items():
        writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=f"Test-{kind}", float_type="f64")
        for network, entry in entries.items():
            writer.insert_network(IPSet([network]), entry)
        files[kind] = str(folder / f"{kind}.mmdb")
        writer.to_db_file(files[kind])
    return files


def test_row_119_city(databases: dict[str, str]) -> None:
    event = event_of({"ip": "175.16.199.0:8080"}, {"ip_lookups": {"geo": databases["geo"]}})
    geo = {name: event[name] for name in event if name.startswith("geo_")}
    assert geo == {
        "geo_country": "CN",
        "geo_region": "22",
        "geo_region_name": "Jilin Sheng",
        "geo_city": "Changchun",
        "geo_latitude": 43.88,
        "geo_longitude": 125.3228,
        "geo_timezone": "Asia/Harbin",
    }


@pytest.mark.parametrize("address", ["localhost", "", ":" * 15, "10.0.0.1", "198.51.100.1", "unknown", "x" * 10_000])
def test_row_119_nowhere(databases: dict[str, str], address: str) -> None:
    found = outcomes({"ip": address}, {"ip_lookups": databases})
    [event] = events(found) or [{}]
    assert [name for name in event if name.startswith(("geo_", "ip_"))] == []
    assert derived(event, "asn") == []
    assert found[0].__class__.__name__ == ("FailedEvent" if len(address) > 128 else "Enriched"), "only for its length"


def test_row_119_version_six(databases: dict[str, str]) -> None:
    event = event_of({"ip": "[2001:db8::7]:80"}, {"ip_lookups": {"geo": databases["geo"]}})
    assert event["geo_country"] == "GB" and "geo_latitude" not in event


def test_row_119_all_databases(databases: dict[str, str]) -> None:
    event = event_of({"ip": "175.16.199.7"}, {"ip_lookups": databases})
    columns = {name: event[name] for name in event if name.startswith("ip_")}
    assert columns == {
        "ip_isp": "Acme    Net",
        "ip_organization": "Acme",
        "ip_domain": "acme.example",
        "ip_netspeed": "Cable/DSL",
    }
    assert derived(event, "asn") == [{"number": 64_501, "organization": "Acme Hosting"}], "that of the asn database"
    isp_alone = event_of({"ip": "175.16.199.7"}, {"ip_lookups": {"isp": databases["isp"]}})
    assert derived(isp_alone, "asn") == [{"number": 64_500, "organization": "Acme Hosting"}]


def test_row_119_hosting(databases: dict[str, str], tmp_path: Path) -> None:
    numbers = tmp_path / "bots.csv"
    numbers.write_text("# data centers\n64500,Acme Hosting\nAS64502\n")
    settings = {
        "ip_lookups": {"asn": databases["asn"]},
        "asn_lookups": {"bot_asns_file": str(numbers), "bypass_platforms": ["srv"]},
        "bot_detection": {"enabled": True},
    }
    bot, person = event_of({"ip": "203.0.113.9"}, settings), event_of({"ip": "175.16.199.7"}, settings)
    assert [derived(event, "asn")[0]["likelyBot"] for event in (bot, person)] == [True, False]
    assert derived(bot, "bot_detection") == [{"bot": True, "indicators": ["asnLookups"]}]
    assert derived(person, "bot_detection") == [{"bot": False, "indicators": []}]
    server = event_of({"ip": "203.0.113.9", "p": "srv"}, settings)
    assert "likelyBot" not in derived(server, "asn")[0]
    off = settings | {"bot_detection": {"enabled": True, "use_asn_lookups": False}}
    assert derived(event_of({"ip": "203.0.113.9"}, off), "bot_detection") == [{"bot": False, "indicators": []}]


def test_a_robot_that_the_browser_found_counts() -> None:
    entity = {"schema": f"{SNOWPLOW}/client_side_bot_detection/jsonschema/1-0-0", "data": {"bot": True}}
    wrapper = {"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-0", "data": [entity]}
    event = event_of({"co": dump_json(wrapper).decode()}, {"bot_detection": {"enabled": True}})
    assert derived(event, "bot_detection") == [{"bot": True, "indicators": ["clientSideDetection"]}]


# 120, 121: masking


@pytest.mark.parametrize(
    ("address", "octets", "segments", "masked"),
    [
        pytest.param("94.15.213.171", 4, None, "x.x.x.x", id="120-all"),
        pytest.param("94.15.213.171", 1, None, "94.15.213.x", id="120-one"),
        pytest.param("777.2.23", 4, None, "x.x.x", id="120-no-address"),
        pytest.param("999.aaa.bbb.c", 3, None, "999.x.x.x", id="120-words"),
        pytest.param("hello;goodbye", 3, None, "hello;goodbye", id="120-text"),
        pytest.param("", 4, None, "x", id="120-empty"),
        pytest.param("::1", 1, 3, "0:0:0:0:0:x:x:x", id="121-short"),
        pytest.param("2605:2700:0:3::4713:93e3", 1, 4, "2605:2700:0:3:x:x:x:x", id="121-long"),
        pytest.param("f334::40cb:152.16.24.142", 1, 2, "f334:0:0:0:0:40cb:x:x", id="121-with-octets"),
        pytest.param("::FFFF:152.16.24.123", 2, None, "::FFFF:152.16.x.x", id="121-mapped"),
        pytest.param("2001:db8::1", 2, None, "2001:db8:0:0:0:0:x:x", id="121-as-many-as-octets"),
        pytest.param("a:b", 1, 1, "a:x", id="121-no-address"),
    ],
)
def test_masking_row(address: str, octets: int, segments: int | None, masked: str) -> None:
    assert IpMasking(octets, segments).masked(address) == masked


# 122: robots


@pytest.fixture
def list_files(tmp_path: Path) -> dict[str, str]:
    """A made-up list of robots."""
    contents = {
        "ip_file": (
            "# excluded\n192.0.2.0/28\n192.0.2.16/28\n2001:db8::/64\n198.51.100.7\n203.0.112.8/30\n203.0.112.0/24\n"
        ),
        "exclude_useragent_file": (
            "# robots\nspider|1||0|2|0|\nold bot|0||0|0|0|03/01/2025\nnewer bot|0||0|1|0|12/31/2030\n"
            "start|1||0|1|1|\nprobe|1|probe of health, Probe+|0|0|0|\ndead|0||0|0|0|\n"
        ),
        "include_useragent_file": "# browsers\nxdroid|1|1\nMozilla/|1|0\ngone|0|0|03/01/2025\nlate|0|0|12/31/2030\n",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, "latin-1")
    return {name: str(tmp_path / name) for name in contents}


PERSON = Verdict(False, "BROWSER", "PASSED_ALL", "NONE")
NO_BROWSER = Verdict(True, "SPIDER_OR_ROBOT", "FAILED_UA_INCLUDE", "UNKNOWN")
EXCLUDED = Verdict(True, "SPIDER_OR_ROBOT", "FAILED_IP_EXCLUDE", "UNKNOWN")


def robot(category: str, impact: str) -> Verdict:
    return Verdict(True, f"{category}_SPIDER_OR_ROBOT", "FAILED_UA_EXCLUDE", impact)


@pytest.mark.parametrize(
    ("agent", "address", "verdict"),
    [
        ("Xdroid", "203.0.113.9", PERSON),
        ("an Xdroid", "203.0.113.9", NO_BROWSER),
        ("Mozilla/5.0", "192.0.2.31", EXCLUDED),
        ("Mozilla/5.0", "192.0.2.32", PERSON),
        ("Mozilla/5.0", "192.0.2.7:80", EXCLUDED),
        ("Mozilla/5.0", "[2001:db8::9]:80", EXCLUDED),
        ("Mozilla/5.0", "2001:db8:0:1::9", PERSON),
        ("Mozilla/5.0", "198.51.100.7", EXCLUDED),
        ("Mozilla/5.0", "203.0.112.99", EXCLUDED),
        ("Mozilla/5.0", "unknown", PERSON),
        ("Mozilla/5.0", "crawler.example", PERSON),
        ("curl", "203.0.113.9", NO_BROWSER),
        ("", "203.0.113.9", NO_BROWSER),
        ("gone", "", NO_BROWSER),
        ("late", "", PERSON),
        ("Mozilla/5.0 Spider", "", robot("ACTIVE", "PAGE_AND_AD_IMPRESSIONS")),
        ("Mozilla/5.0 old bot", "", robot("INACTIVE", "PAGE_IMPRESSIONS")),
        ("Mozilla/5.0 newer bot", "", robot("ACTIVE", "AD_IMPRESSIONS")),
        ("Mozilla/5.0 start", "", PERSON),
        ("Mozilla/5.0 probe", "", robot("ACTIVE", "PAGE_IMPRESSIONS")),
        ("Mozilla/5.0 PROBE+", "", PERSON),
        ("Mozilla/5.0 dead", "", PERSON),
        ("Mozilla/5.0 mine", "", Verdict(True, "SPIDER_OR_ROBOT", "FAILED_UA_EXCLUDE", "UNKNOWN")),
        ("our own probe", "192.0.2.7", PERSON),
    ],
)
def test_row_122_robots(list_files: dict[str, str], agent: str, address: str, verdict: Verdict) -> None:
    iab = Iab(*(Path(path) for path in list_files.values()), exclude=["Mine"], include=["our own"])
    assert iab.judge(agent, address, date(2025, 3, 4)) == verdict


def test_row_122_entity_and_what_sums_it_up(list_files: dict[str, str]) -> None:
    settings = {"iab": list_files, "bot_detection": {"enabled": True}}
    event = event_of({"ua": "curl/8", "ip": "203.0.113.9"}, settings)
    assert derived(event, "spiders_and_robots") == [
        {
            "spiderOrRobot": True,
            "category": "SPIDER_OR_ROBOT",
            "reason": "FAILED_UA_INCLUDE",
            "primaryImpact": "UNKNOWN",
        }
    ]
    assert derived(event, "bot_detection") == [{"bot": True, "indicators": ["iab"]}]
    assert derived(event_of({}, settings), "spiders_and_robots") == [], "neither user agent nor address"


# 123: cookies and headers


def test_row_123_cookies() -> None:
    headers = ["Cookie: ck1; =cv2; ck3=", "Accept: a", 'Cookie: ck4=cv4; ck5="cv5"', "application/json"]
    names = ["ck1", "", "ck3", "ck4", "ck5", "ck6"]
    event = event_of({}, {"cookie_extractor": {"cookies": names}}, headers=headers)
    assert [(data["name"], data["value"]) for data in derived(event, "http_cookie")] == [
        ("ck1", None),
        ("", "cv2"),
        ("ck3", ""),
        ("ck4", "cv4"),
        ("ck5", "cv5"),
    ]


def test_row_123_headers() -> None:
    headers = ["Accept: a:b", "X-Accept: no", "Dnt: 1", "application/json"]
    event = event_of({}, {"http_header_extractor": {"headers_pattern": "accept|DNT"}}, headers=headers)
    assert derived(event, "http_header") == [{"name": "Accept", "value": "a:b"}, {"name": "Dnt", "value": "1"}]


# 124, 125: pseudonyms


@pytest.mark.parametrize(
    ("function", "text", "digest"),
    [
        pytest.param(
            "SHA-256",
            "john@acme.com",
            "7d8a4beae5bc9d314600667d2f410918f9af265017a6ade99f60a9c8f3aac6e9",
            id="124-sha-256",
        ),
        pytest.param("SHA-1", "37.228.225.32", "9e78f7282f027de55ec5c67aac71ae58cd78e203", id="124-sha-1"),
    ],
)
def test_pseudonym_row(function: str, text: str, digest: str) -> None:
    assert Pseudonymisation(["user_id"], [], function, "pepper123").hashed(text) == digest


def test_row_124_columns_are_hashed_as_they_are_masked() -> None:
    settings = {
        "anon_ip": {"enabled": True},
        "pii": {"enabled": True, "columns": ["user_id", "user_ipaddress", "tr_orderid"], "salt": "pepper123"},
    }
    event = event_of({"uid": "john@acme.com", "ip": "37.228.225.32"}, settings)
    hashed = Pseudonymisation([], [], "SHA-256", "pepper123").hashed
    assert (event["user_id"], event["user_ipaddress"]) == (hashed("john@acme.com"), hashed("37.228.225.x"))
    assert "tr_orderid" not in event


ORDER = "iglu:com.acme/order/jsonschema/1-2-0"
PII = {
    "enabled": True,
    "salt": "pepper123",
    "hash_function": "MD5",
    "json_fields": [
        {"field": field, "schema_criterion": criterion, "json_path": path}
        for field, criterion, path in (
            ("unstruct_event", "iglu:com.acme/order/jsonschema/1-*-*", "$.email"),
            ("unstruct_event", "iglu:com.acme/order/jsonschema/1-*-*", "$.people[*].name"),
            ("unstruct_event", "iglu:com.acme/order/jsonschema/2-*-*", "$.city"),
            ("contexts", "iglu:com.acme/order/jsonschema/1-2-0", "$.email"),
        )
    ],
}


@pytest.mark.parametrize(
    ("data", "after"),
    [
        pytest.param({"a": "b"}, {"a": "b"}, id="125-missing"),
        pytest.param({"email": None}, {"email": None}, id="125-null"),
        pytest.param({"email": 7}, {"email": 7}, id="125-number"),
        pytest.param({"email": ["a", 1]}, {"email": ["#a", 1]}, id="125-array"),
        pytest.param({"email": "x@y"}, {"email": "#x@y"}, id="125-text"),
        pytest.param({"email": {"b": "c"}}, {"email": {"b": "c"}}, id="125-object"),
        pytest.param(
            {"people": [{"name": "a"}, {"age": 1}], "city": "b"},
            {"people": [{"name": "#a"}, {"age": 1}], "city": "b"},
            id="125-deeper",
        ),
        pytest.param(["email"], ["email"], id="125-no-object"),
        pytest.param('{"email":"x@y"}', '{"email":"x@y"}', id="125-text-like-json"),
    ],
)
def test_pseudonym_json_row(data: Any, after: Any) -> None:
    hashed = Pseudonymisation([], [], "MD5", "pepper123").hashed

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return hashed(value[1:]) if isinstance(value, str) and value.startswith("#") else value

    wrapper = {"schema": f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0", "data": {"schema": ORDER, "data": data}}
    entities = {"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-0", "data": [{"schema": ORDER, "data": data}]}
    parameters = {"e": "ue", "ue_pr": dump_json(wrapper).decode(), "co": dump_json(entities).decode()}
    event = event_of(parameters, {"pii": PII})
    assert event["unstruct_event"]["data"] == plain(after)
    if isinstance(data, dict) and "email" in data:
        assert event["contexts"][0]["data"] == plain(after)


def test_row_125_only_who_asks_to_be_anonymous_is_if_so_configured() -> None:
    settings = {"pii": {"enabled": True, "columns": ["user_id"], "salt": "s", "anonymous_only": True}}
    assert event_of({"uid": "u"}, settings)["user_id"] == "u"
    assert event_of({"uid": "u"}, settings, headers=["Sp-Anonymous: *"])["user_id"] != "u"


# 126: fingerprints


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        pytest.param("MD5", "3e2d6b81e76e2954071543fe1f609164", id="126-md5"),
        pytest.param("SHA256", "3896aa2cb3bb349a49d9eff9c431608002a519fc482aac76b039320f01e0d542", id="126-sha256"),
    ],
)
def test_fingerprint_row(algorithm: str, digest: str) -> None:
    settings = {"event_fingerprint": {"enabled": True, "hash_algorithm": algorithm}}
    sent = {"url": "http://a.example/", "stm": "1", "eid": "f732d278-120e-4ab6-845b-c1f11cd85dc7"}
    assert event_of(sent, settings)["event_fingerprint"] == digest
    again = sent | {"stm": "2", "eid": "f732d278-120e-4ab6-845b-c1f11cd85dc8"}
    assert event_of(again, settings, timestamp=NOW + 1)["event_fingerprint"] == digest
    backwards = dict(reversed(sent.items()))
    assert event_of({"tv": "js-4.6.0"} | backwards | {"e": "pv"}, settings)["event_fingerprint"] == digest
    assert event_of(sent | {"aid": ""}, settings)["event_fingerprint"] != digest
    assert "event_fingerprint" not in event_of(sent)


# 127: links between sites


def test_row_127_cross_navigation() -> None:
    link = (
        "abc.1697175843762.176ff68a-4769-4566-ad0e-3792c1c8148f."
        f"{encode_base64(b'tester')}.{encode_base64(b'someSourceId')}.web.{encode_base64(b'testing_reason')}"
    )
    assert link.endswith("dGVzdGVy.c29tZVNvdXJjZUlk.web.dGVzdGluZ19yZWFzb24")
    event = event_of({"url": f"http://a.example/?_sp={link}"}, {"cross_navigation": {"enabled": True}})
    assert derived(event, "cross_navigation") == [
        {
            "domain_user_id": "abc",
            "timestamp": "2023-10-13T05:44:03.762Z",
            "session_id": "176ff68a-4769-4566-ad0e-3792c1c8148f",
            "user_id": "tester",
            "source_id": "someSourceId",
            "source_platform": "web",
            "reason": "testing_reason",
        }
    ]


def test_what_was_added_last_comes_first(databases: dict[str, str], list_files: dict[str, str]) -> None:
    settings = {
        "ua_parser": {"enabled": True},
        "iab": list_files,
        "ip_lookups": {"asn": databases["asn"]},
        "bot_detection": {"enabled": True},
        "cookie_extractor": {"cookies": ["a"]},
        "anon_ip": {"enabled": True, "anon_octets": 4},
    }
    event = event_of({"ua": IPHONE, "ip": "203.0.113.9"}, settings, headers=["Cookie: a=b"])
    names = [entity["schema"].split("/")[1] for entity in event["derived_contexts"]]
    assert names == ["bot_detection", "asn", "http_cookie", "ua_parser_context", "spiders_and_robots"]
    assert event["user_ipaddress"] == "x.x.x.x"
