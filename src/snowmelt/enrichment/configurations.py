"""Enrichments as Snowplow's own files configure them: one self-describing JSON for each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from snowmelt.enrichment.steps.step import EnrichmentSetupError
from snowmelt.events.canonical import is_self_describing
from snowmelt.events.errors import EventError
from snowmelt.events.json_text import parse_json
from snowmelt.events.schema_key import SchemaKey
from snowmelt.settings_enrichment import EnrichmentSettings

Parameters = dict[str, Any]
Table = tuple[str, dict[str, Any]]
"""A table of the settings, and what stands in it."""


def with_configurations(settings: EnrichmentSettings) -> EnrichmentSettings:
    """The settings with what the files in ``settings.folder`` say in place of the tables that they are about.

    An enrichment of Snowplow's that no file switches on is off, as it is there. Databases are looked for in the same
    folder, by the name that the file gives; nothing is fetched.

    Args:
        settings: unchanged if they name no folder.

    Raises:
        EnrichmentSetupError: a file is no configuration, is of an enrichment that there is none of, or is about a table
            that the settings have too; tells of all.
    """
    folder = settings.folder
    if folder is None:
        return settings
    usual = EnrichmentSettings()
    tables: dict[str, Any] = {name: {"enabled": False} for name in ("campaign", "referer_parser", "ua_parser")}
    problems = [] if folder.is_dir() else [f"{folder} is no folder of configurations"]
    for path in sorted(folder.glob("*.json")):
        try:
            found = _read(path)
        except (OSError, ValueError, TypeError, AttributeError, EventError) as error:
            problems.append(f"{path}: {error}")
            continue
        if found is not None:
            tables[found[0]] = found[1]
    problems += [
        f"[enrichment.{name}] of the settings and {folder} are about the same: keep one of them"
        for name in tables
        if getattr(settings, name) != getattr(usual, name)
    ]
    if not problems:
        try:
            return EnrichmentSettings.model_validate(settings.model_dump() | tables)
        except ValidationError as error:
            for problem in error.errors():
                place = ".".join(str(part) for part in problem["loc"])
                problems.append(f"what {folder} says of {place}: {problem['msg']}")
    raise EnrichmentSetupError(problems)


def _read(path: Path) -> Table | None:
    """What a file says, or ``None`` if it switches its enrichment off.

    Raises:
        ValueError: it is no configuration of an enrichment that there is.
    """
    document = parse_json(path.read_bytes())
    if not is_self_describing(document) or not isinstance(document["data"], dict):
        raise ValueError("a configuration is an object with schema and data")
    key = SchemaKey.parse(document["schema"])
    data = document["data"]
    if not data.get("enabled"):
        return None
    read = _READERS.get(key.name)
    if read is None:
        raise ValueError(f"there is no enrichment {key.name} here: switch it off, or write one of your own")
    parameters = data.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ValueError("parameters must be an object")
    return read(parameters, path.parent)


def _file(entry: Any, folder: Path) -> Path | None:
    """The file that a ``{database, uri}`` names."""
    name = entry.get("database") if isinstance(entry, dict) else None
    return folder / name if isinstance(name, str) else None


def _renamed(parameters: Parameters, names: dict[str, str]) -> dict[str, Any]:
    return {ours: parameters[theirs] for theirs, ours in names.items() if theirs in parameters}


def _files(parameters: Parameters, names: dict[str, str], folder: Path) -> dict[str, Any]:
    files = {ours: _file(parameters.get(theirs), folder) for theirs, ours in names.items()}
    return {name: path for name, path in files.items() if path is not None}


def _campaign(parameters: Parameters, folder: Path) -> Table:
    fields = parameters.get("fields", {})
    names = {f"mkt{word.capitalize()}": word for word in ("medium", "source", "term", "content", "campaign")}
    table: dict[str, Any] = {name: [] for name in names.values()} | _renamed(fields, names)
    return "campaign", table | {"click_ids": fields.get("mktClickId", {})}


def _referer_parser(parameters: Parameters, folder: Path) -> Table:
    table = _renamed(parameters, {"internalDomains": "internal_domains", "referrers": "referrers"})
    database = _file(parameters, folder)
    return "referer_parser", table if database is None else table | {"database": database}


def _ua_parser(parameters: Parameters, folder: Path) -> Table:
    rules = _file(parameters, folder)
    return "ua_parser", {} if rules is None else {"rules": rules}


def _ip_lookups(parameters: Parameters, folder: Path) -> Table:
    names = {"geo": "geo", "isp": "isp", "domain": "domain", "connectionType": "connection_type", "asn": "asn"}
    return "ip_lookups", _files(parameters, names, folder)


def _asn_lookups(parameters: Parameters, folder: Path) -> Table:
    table = _renamed(parameters, {"bypassPlatforms": "bypass_platforms"})
    table |= _files(parameters, {"botAsnsFile": "bot_asns_file"}, folder)
    return "asn_lookups", table | {"bot_asns": [entry.get("asn") for entry in parameters.get("botAsns", [])]}


def _iab(parameters: Parameters, folder: Path) -> Table:
    files = {"ipFile": "ip_file", "excludeUseragentFile": "exclude_useragent_file"}
    files["includeUseragentFile"] = "include_useragent_file"
    lists = {"excludeUseragents": "exclude_useragents", "includeUseragents": "include_useragents"}
    return "iab", _files(parameters, files, folder) | _renamed(parameters, lists)


def _bot_detection(parameters: Parameters, folder: Path) -> Table:
    names = {"useIab": "use_iab", "useAsnLookups": "use_asn_lookups"}
    names["useClientSideDetection"] = "use_client_side_detection"
    return "bot_detection", dict.fromkeys(names.values(), False) | _renamed(parameters, names) | {"enabled": True}


def _fingerprint(parameters: Parameters, folder: Path) -> Table:
    names = {"hashAlgorithm": "hash_algorithm", "excludeParameters": "exclude_parameters"}
    return "event_fingerprint", _renamed(parameters, names) | {"enabled": True}


def _anon_ip(parameters: Parameters, folder: Path) -> Table:
    names = {"anonOctets": "anon_octets", "anonSegments": "anon_segments"}
    return "anon_ip", _renamed(parameters, names) | {"enabled": True}


def _pii(parameters: Parameters, folder: Path) -> Table:
    names = {"field": "field", "schemaCriterion": "schema_criterion", "jsonPath": "json_path"}
    targets = parameters.get("pii", [])
    pseudonymize = parameters.get("strategy", {}).get("pseudonymize", {})
    table = _renamed(pseudonymize, {"hashFunction": "hash_function", "salt": "salt"})
    table |= _renamed(parameters, {"anonymousOnly": "anonymous_only"})
    table["columns"] = [target["pojo"].get("field") for target in targets if "pojo" in target]
    table["json_fields"] = [_renamed(target["json"], names) for target in targets if "json" in target]
    return "pii", table | {"enabled": True}


_READERS: dict[str, Callable[[Parameters, Path], Table]] = {
    "campaign_attribution": _campaign,
    "cross_navigation_config": lambda parameters, folder: ("cross_navigation", {"enabled": True}),
    "referer_parser": _referer_parser,
    "ua_parser_config": _ua_parser,
    "ip_lookups": _ip_lookups,
    "asn_lookups": _asn_lookups,
    "iab_spiders_and_robots_enrichment": _iab,
    "bot_detection_enrichment_config": _bot_detection,
    "event_fingerprint_config": _fingerprint,
    "cookie_extractor_config": lambda parameters, folder: (
        "cookie_extractor",
        _renamed(parameters, {"cookies": "cookies"}),
    ),
    "http_header_extractor_config": lambda parameters, folder: (
        "http_header_extractor",
        _renamed(parameters, {"headersPattern": "headers_pattern"}),
    ),
    "anon_ip": _anon_ip,
    "pii_enrichment_config": _pii,
}
"""By the name in the file's schema; the two vendors that there are share no name."""
