"""Tracker parameters -> columns: the table of the tracker protocol."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from snowmelt.enrichment.converters import (
    ConversionError,
    to_address,
    to_decimal,
    to_dimension,
    to_event_type,
    to_flag,
    to_integer,
    to_platform,
    to_text,
    to_timestamp,
    to_uuid,
)
from snowmelt.enrichment.validation import Report, report
from snowmelt.events.canonical import Event

Parameters = Mapping[str, str | None]
"""The parameters of one event; ``None`` is the value of a query part without ``=``."""


class _Target(NamedTuple):
    column: str
    convert: Callable[[str], Any]
    second_column: str | None = None
    preferred: str | None = None
    """The parameter that, given a value, makes this one void."""


def _table() -> dict[str, _Target]:
    texts = {
        "aid": "app_id",
        "tna": "name_tracker",
        "tv": "v_tracker",
        "cv": "v_collector",
        "uid": "user_id",
        "duid": "domain_userid",
        "tnuid": "network_userid",
        "fp": "user_fingerprint",
        "tz": "os_timezone",
        "lang": "br_lang",
        "cs": "doc_charset",
        "cd": "br_colordepth",
        "ua": "useragent",
        "url": "page_url",
        "page": "page_title",
        "refr": "page_referrer",
        "se_ca": "se_category",
        "se_ac": "se_action",
        "se_la": "se_label",
        "se_pr": "se_property",
        "tr_id": "tr_orderid",
        "tr_af": "tr_affiliation",
        "tr_ci": "tr_city",
        "tr_st": "tr_state",
        "tr_co": "tr_country",
        "tr_cu": "tr_currency",
        "ti_id": "ti_orderid",
        "ti_sk": "ti_sku",
        "ti_nm": "ti_name",
        "ti_ca": "ti_category",
        "ti_cu": "ti_currency",
    }
    integers = {
        "tid": "txn_id",
        "vid": "domain_sessionidx",
        "ti_qu": "ti_quantity",
        "pp_mix": "pp_xoffset_min",
        "pp_max": "pp_xoffset_max",
        "pp_miy": "pp_yoffset_min",
        "pp_may": "pp_yoffset_max",
    }
    decimals = {
        "se_va": "se_value",
        "tr_tt": "tr_total",
        "tr_tx": "tr_tax",
        "tr_sh": "tr_shipping",
        "ti_pr": "ti_price",
    }
    flags = {
        "cookie": "br_cookies",
        "f_pdf": "br_features_pdf",
        "f_fla": "br_features_flash",
        "f_java": "br_features_java",
        "f_dir": "br_features_director",
        "f_qt": "br_features_quicktime",
        "f_realp": "br_features_realplayer",
        "f_wma": "br_features_windowsmedia",
        "f_gears": "br_features_gears",
        "f_ag": "br_features_silverlight",
    }
    timestamps = {"dtm": "dvce_created_tstamp", "stm": "dvce_sent_tstamp", "ttm": "true_tstamp"}
    table = {
        "e": _Target("event", to_event_type),
        "eid": _Target("event_id", to_uuid),
        "sid": _Target("domain_sessionid", to_uuid),
        "p": _Target("platform", to_platform),
        "ip": _Target("user_ipaddress", to_address),
        "res": _Target("dvce_screenwidth", to_dimension, "dvce_screenheight"),
        "vp": _Target("br_viewwidth", to_dimension, "br_viewheight"),
        "ds": _Target("doc_width", to_dimension, "doc_height"),
    }
    kinds: tuple[tuple[dict[str, str], Callable[[str], Any]], ...] = (
        (texts, to_text),
        (integers, to_integer),
        (decimals, to_decimal),
        (flags, to_flag),
        (timestamps, to_timestamp),
    )
    for columns, convert in kinds:
        table |= {name: _Target(column, convert) for name, column in columns.items()}
    older = {
        "nuid": "tnuid",
        "ev_ca": "se_ca",
        "ev_ac": "se_ac",
        "ev_la": "se_la",
        "ev_pr": "se_pr",
        "ev_va": "se_va",
        "ti_na": "ti_nm",
    }
    return table | {name: table[newer]._replace(preferred=newer) for name, newer in older.items()}


_TARGETS = _table()
_target = _TARGETS.get


def parameters_of(column: str) -> tuple[str, ...]:
    """The parameters that fill a column.

    >>> parameters_of("network_userid"), parameters_of("page_urlpath")
    (('tnuid', 'nuid'), ())
    """
    return tuple(name for name, target in _TARGETS.items() if column in (target.column, target.second_column))


def map_parameters(parameters: Parameters, event: Event) -> list[Report]:
    """Fill the columns of an event from its parameters; one report for each that cannot be converted.

    Unknown parameters are ignored. A parameter without a value leaves its column as it was.

    >>> event = {}
    >>> [report["path"] for report in map_parameters({"uid": "u-1", "vid": "x"}, event)], event
    (['vid'], {'user_id': 'u-1'})
    """
    reports: list[Report] = []
    for name, text in parameters.items():
        target = _target(name)
        if target is None or text is None:
            continue
        column, convert, second_column, preferred = target
        if preferred is not None and parameters.get(preferred):
            continue
        # Most parameters are texts that need no change: worth sparing them the call.
        if convert is to_text and text.isprintable():
            if text:
                event[column] = text
            continue
        try:
            value = convert(text)
        except ConversionError as error:
            reports.append(report(str(error), name, "atomic_field_parse_error"))
            continue
        if second_column is not None:
            event[column], event[second_column] = value
        elif value is not None:
            event[column] = value
    return reports
