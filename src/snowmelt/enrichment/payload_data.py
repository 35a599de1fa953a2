"""The ``payload_data`` envelope in which trackers POST their events."""

from typing import Any

from snowmelt.enrichment.validation import Report, extra_report, report, required_report, type_report

VENDOR_AND_NAME = "com.snowplowanalytics.snowplow/payload_data"
CRITERION = f"iglu:{VENDOR_AND_NAME}/jsonschema/1-0-*"

_REQUIRED = ("tv", "p", "e")
# fmt: off
_FIRST_KEYS = frozenset((
    # protocol and ids
    "aid", "cx", "co", "ctype", "dtm", "duid", "e", "eid", "fp", "ip", "mac", "nuid", "p",
    "sa", "sn", "sp", "st", "tid", "tna", "tv", "tz", "uid", "url", "vid",
    # device and page
    "cd", "cookie", "cs", "ds", "lang", "page", "refr", "res", "vp",
    "f_ag", "f_dir", "f_fla", "f_gears", "f_java", "f_pdf", "f_qt", "f_realp", "f_wma",
    # by type of event
    "ad_ad", "ad_ba", "ad_ca", "ad_uid",
    "pp_max", "pp_may", "pp_mix", "pp_miy",
    "se_ac", "se_ca", "se_la", "se_pr", "se_va",
    "ti_ca", "ti_cu", "ti_id", "ti_na", "ti_nm", "ti_pr", "ti_qu", "ti_sk",
    "tr_af", "tr_ci", "tr_co", "tr_cu", "tr_id", "tr_sh", "tr_st", "tr_tt", "tr_tx",
    "ue_na", "ue_pr", "ue_px",
))
# fmt: on


def _keys_by_uri() -> dict[str, frozenset[str]]:
    added: tuple[set[str], ...] = (set(), {"ua"}, {"tnuid"}, {"sid", "stm"}, {"ttm"})
    keys = _FIRST_KEYS
    by_uri: dict[str, frozenset[str]] = {}
    for addition, more in enumerate(added):
        keys |= more
        by_uri[f"iglu:{VENDOR_AND_NAME}/jsonschema/1-0-{addition}"] = keys
    return by_uri


KEYS_BY_URI = _keys_by_uri()
"""The keys an event may have, by the schema of the envelope."""
NEWEST_KEYS = KEYS_BY_URI[f"iglu:{VENDOR_AND_NAME}/jsonschema/1-0-4"]


def is_valid_item(item: dict[str, str], keys: frozenset[str]) -> bool:
    """Whether an event whose values are already known to be texts has the right keys."""
    return "e" in item and "p" in item and "tv" in item and item.keys() <= keys


def envelope_reports(data: Any, keys: frozenset[str]) -> list[Report]:
    """Every violation in the envelope's data; none if it is valid.

    Args:
        data: of the envelope.
        keys: those allowed in an event, see ``KEYS_BY_URI``.

    >>> [r["keyword"] for r in envelope_reports([{"e": "pv", "p": "web", "tv": 1}], NEWEST_KEYS)]
    ['type']
    """
    if not isinstance(data, list):
        return [type_report(data, "array", "$")]
    if not data:
        return [report("at least 1 event is expected", "$", "minItems", "1")]
    return [found for index, item in enumerate(data) for found in _item_reports(item, f"$[{index}]", keys)]


def _item_reports(item: Any, path: str, keys: frozenset[str]) -> list[Report]:
    if not isinstance(item, dict):
        return [type_report(item, "object", path)]
    reports = [required_report(key, path) for key in _REQUIRED if key not in item]
    for key, value in item.items():
        if key not in keys:
            reports.append(extra_report(key, path))
        elif not isinstance(value, str):
            reports.append(type_report(value, "string", f"{path}.{key}"))
    return reports
