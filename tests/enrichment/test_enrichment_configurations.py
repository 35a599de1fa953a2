"""Snowplow's own configuration files mean here what they mean there."""

import json
from pathlib import Path
from typing import Any

import pytest

from snowmelt.enrichment.configurations import with_configurations
from snowmelt.enrichment.steps.step import EnrichmentSetupError
from snowmelt.settings_enrichment import EnrichmentSettings

FIRST, SECOND = "com.snowplowanalytics.snowplow", "com.snowplowanalytics.snowplow.enrichments"
REMOTE = {"uri": "s3://bucket/assets"}
FILES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "campaign_attribution": (
        FIRST,
        "1-0-1",
        {
            "mapping": "static",
            "fields": {"mktMedium": ["medium"], "mktSource": ["a", "b"], "mktClickId": {"fbclid": "Facebook"}},
        },
    ),
    "cross_navigation_config": (SECOND, "1-0-0", {}),
    "referer_parser": (
        FIRST,
        "2-0-1",
        {
            "internalDomains": ["pay.example"],
            "database": "referers.json",
            "referrers": {"search": {"Acme": {"domains": ["acme.com"], "parameters": ["q"]}}},
            **REMOTE,
        },
    ),
    "ua_parser_config": (FIRST, "1-0-1", {}),
    "ip_lookups": (
        FIRST,
        "2-0-1",
        {"geo": {"database": "GeoLite2-City.mmdb", **REMOTE}, "asn": {"database": "GeoLite2-ASN.mmdb", **REMOTE}},
    ),
    "asn_lookups": (
        SECOND,
        "1-0-0",
        {
            "botAsnsFile": {"database": "bots.csv", **REMOTE},
            "botAsns": [{"asn": 1, "name": "a"}, {"asn": 2}],
            "bypassPlatforms": ["srv"],
        },
    ),
    "iab_spiders_and_robots_enrichment": (
        SECOND,
        "1-0-1",
        {
            "ipFile": {"database": "ip_exclude_current_cidr.txt", **REMOTE},
            "excludeUseragentFile": {"database": "exclude_current.txt", **REMOTE},
            "includeUseragentFile": {"database": "include_current.txt", **REMOTE},
            "includeUseragents": ["ours"],
        },
    ),
    "bot_detection_enrichment_config": (SECOND, "1-0-1", {"useIab": True, "useAsnLookups": False}),
    "event_fingerprint_config": (FIRST, "1-0-1", {"hashAlgorithm": "SHA256", "excludeParameters": ["eid"]}),
    "cookie_extractor_config": (FIRST, "1-0-0", {"cookies": ["sp"]}),
    "http_header_extractor_config": (SECOND, "1-0-0", {"headersPattern": "X-.*"}),
    "anon_ip": (FIRST, "1-0-1", {"anonOctets": 2, "anonSegments": 3}),
    "pii_enrichment_config": (
        SECOND,
        "2-0-1",
        {
            "pii": [
                {"pojo": {"field": "user_id"}},
                {
                    "json": {
                        "field": "contexts",
                        "schemaCriterion": "iglu:com.acme/a/jsonschema/1-*-*",
                        "jsonPath": "$.b",
                    }
                },
            ],
            "strategy": {"pseudonymize": {"hashFunction": "SHA-1", "salt": "pepper123"}},
            "anonymousOnly": True,
        },
    ),
}


def write(folder: Path, name: str, enabled: bool = True, **changes: Any) -> None:
    vendor, version, parameters = FILES.get(name, (FIRST, "1-0-0", {}))
    data = {"vendor": vendor, "name": name, "enabled": enabled, "parameters": parameters | changes}
    document = {"schema": f"iglu:{vendor}/{name}/jsonschema/{version}", "data": data}
    (folder / f"{name}.json").write_text(json.dumps(document))


def read(folder: Path, **settings: Any) -> EnrichmentSettings:
    return with_configurations(EnrichmentSettings.model_validate({"folder": str(folder)} | settings))


def test_every_file_becomes_its_table(tmp_path: Path) -> None:
    for name in FILES:
        write(tmp_path, name)
    expected = EnrichmentSettings.model_validate(
        {
            "folder": tmp_path,
            "campaign": {
                "medium": ["medium"],
                "source": ["a", "b"],
                "term": [],
                "content": [],
                "campaign": [],
                "click_ids": {"fbclid": "Facebook"},
            },
            "cross_navigation": {"enabled": True},
            "referer_parser": {
                "internal_domains": ["pay.example"],
                "database": tmp_path / "referers.json",
                "referrers": {"search": {"Acme": {"domains": ["acme.com"], "parameters": ["q"]}}},
            },
            "ip_lookups": {"geo": tmp_path / "GeoLite2-City.mmdb", "asn": tmp_path / "GeoLite2-ASN.mmdb"},
            "asn_lookups": {
                "bot_asns": [1, 2],
                "bot_asns_file": tmp_path / "bots.csv",
                "bypass_platforms": ["srv"],
            },
            "iab": {
                "ip_file": tmp_path / "ip_exclude_current_cidr.txt",
                "exclude_useragent_file": tmp_path / "exclude_current.txt",
                "include_useragent_file": tmp_path / "include_current.txt",
                "include_useragents": ["ours"],
            },
            "bot_detection": {
                "enabled": True,
                "use_iab": True,
                "use_asn_lookups": False,
                "use_client_side_detection": False,
            },
            "event_fingerprint": {"enabled": True, "hash_algorithm": "SHA256", "exclude_parameters": ["eid"]},
            "cookie_extractor": {"cookies": ["sp"]},
            "http_header_extractor": {"headers_pattern": "X-.*"},
            "anon_ip": {"enabled": True, "anon_octets": 2, "anon_segments": 3},
            "pii": {
                "enabled": True,
                "columns": ["user_id"],
                "json_fields": [
                    {
                        "field": "contexts",
                        "schema_criterion": "iglu:com.acme/a/jsonschema/1-*-*",
                        "json_path": "$.b",
                    }
                ],
                "hash_function": "SHA-1",
                "salt": "pepper123",
                "anonymous_only": True,
            },
        }
    )
    assert read(tmp_path) == expected


def test_what_no_file_switches_on_is_off(tmp_path: Path) -> None:
    write(tmp_path, "anon_ip", enabled=False)
    write(tmp_path, "javascript_script_config", enabled=False)
    found = read(tmp_path)
    switches = (found.campaign, found.referer_parser, found.ua_parser, found.anon_ip)
    assert [table.enabled for table in switches] == [False] * 4


def test_without_a_folder_the_settings_hold() -> None:
    settings = EnrichmentSettings()
    assert with_configurations(settings) is settings


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "javascript_script_config")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text('{"schema": "iglu:a/b/jsonschema/1-0-0", "data": []}')
    write(tmp_path, "anon_ip")
    with pytest.raises(EnrichmentSetupError) as caught:
        read(tmp_path, anon_ip={"enabled": True})
    message = str(caught.value)
    for word in ("broken.json", "other.json", "no enrichment javascript_script_config", "[enrichment.anon_ip]"):
        assert word in message


def test_values_that_cannot_work_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "anon_ip", anonOctets=7)
    with pytest.raises(EnrichmentSetupError, match=r"anon_ip\.anon_octets: Input should be less than or equal to 4"):
        read(tmp_path)
    with pytest.raises(EnrichmentSetupError, match="no folder"):
        read(tmp_path / "absent")
