"""The 131 columns of an enriched event, in the order of the TSV form."""

from typing import Literal, NamedTuple

FieldType = Literal["string", "uuid", "timestamp", "integer", "decimal", "float", "flag", "json"]


class AtomicField(NamedTuple):
    """One column.

    Args:
        name: of the column, in TSV, JSON and warehouse alike.
        type: what its text holds; ``flag`` is ``0`` or ``1``.
        max_length: the most UTF-16 code units a text may have; ``None`` where no limit applies.
    """

    name: str
    type: FieldType
    max_length: int | None = None


FIELDS: tuple[AtomicField, ...] = (
    AtomicField("app_id", "string", 255),
    AtomicField("platform", "string", 255),
    AtomicField("etl_tstamp", "timestamp"),
    AtomicField("collector_tstamp", "timestamp"),
    AtomicField("dvce_created_tstamp", "timestamp"),
    AtomicField("event", "string", 128),
    AtomicField("event_id", "uuid", 36),
    AtomicField("txn_id", "integer"),
    AtomicField("name_tracker", "string", 128),
    AtomicField("v_tracker", "string", 100),
    AtomicField("v_collector", "string", 100),
    AtomicField("v_etl", "string", 100),
    AtomicField("user_id", "string", 255),
    AtomicField("user_ipaddress", "string", 128),
    AtomicField("user_fingerprint", "string", 128),
    AtomicField("domain_userid", "string", 128),
    AtomicField("domain_sessionidx", "integer"),
    AtomicField("network_userid", "string", 128),
    AtomicField("geo_country", "string", 2),
    AtomicField("geo_region", "string", 3),
    AtomicField("geo_city", "string", 75),
    AtomicField("geo_zipcode", "string", 15),
    AtomicField("geo_latitude", "float"),
    AtomicField("geo_longitude", "float"),
    AtomicField("geo_region_name", "string", 100),
    AtomicField("ip_isp", "string", 100),
    AtomicField("ip_organization", "string", 128),
    AtomicField("ip_domain", "string", 128),
    AtomicField("ip_netspeed", "string", 100),
    AtomicField("page_url", "string", 10000),
    AtomicField("page_title", "string", 2000),
    AtomicField("page_referrer", "string", 10000),
    AtomicField("page_urlscheme", "string", 16),
    AtomicField("page_urlhost", "string", 255),
    AtomicField("page_urlport", "integer"),
    AtomicField("page_urlpath", "string", 3000),
    AtomicField("page_urlquery", "string", 6000),
    AtomicField("page_urlfragment", "string", 3000),
    AtomicField("refr_urlscheme", "string", 16),
    AtomicField("refr_urlhost", "string", 255),
    AtomicField("refr_urlport", "integer"),
    AtomicField("refr_urlpath", "string", 6000),
    AtomicField("refr_urlquery", "string", 6000),
    AtomicField("refr_urlfragment", "string", 3000),
    AtomicField("refr_medium", "string", 25),
    AtomicField("refr_source", "string", 50),
    AtomicField("refr_term", "string", 255),
    AtomicField("mkt_medium", "string", 255),
    AtomicField("mkt_source", "string", 255),
    AtomicField("mkt_term", "string", 255),
    AtomicField("mkt_content", "string", 500),
    AtomicField("mkt_campaign", "string", 255),
    AtomicField("contexts", "json"),
    AtomicField("se_category", "string", 1000),
    AtomicField("se_action", "string", 1000),
    AtomicField("se_label", "string", 4096),
    AtomicField("se_property", "string", 1000),
    AtomicField("se_value", "decimal"),
    AtomicField("unstruct_event", "json"),
    AtomicField("tr_orderid", "string", 255),
    AtomicField("tr_affiliation", "string", 255),
    AtomicField("tr_total", "decimal"),
    AtomicField("tr_tax", "decimal"),
    AtomicField("tr_shipping", "decimal"),
    AtomicField("tr_city", "string", 255),
    AtomicField("tr_state", "string", 255),
    AtomicField("tr_country", "string", 255),
    AtomicField("ti_orderid", "string", 255),
    AtomicField("ti_sku", "string", 255),
    AtomicField("ti_name", "string", 255),
    AtomicField("ti_category", "string", 255),
    AtomicField("ti_price", "decimal"),
    AtomicField("ti_quantity", "integer"),
    AtomicField("pp_xoffset_min", "integer"),
    AtomicField("pp_xoffset_max", "integer"),
    AtomicField("pp_yoffset_min", "integer"),
    AtomicField("pp_yoffset_max", "integer"),
    AtomicField("useragent", "string", 1000),
    AtomicField("br_name", "string", 50),
    AtomicField("br_family", "string", 50),
    AtomicField("br_version", "string", 50),
    AtomicField("br_type", "string", 50),
    AtomicField("br_renderengine", "string", 50),
    AtomicField("br_lang", "string", 255),
    AtomicField("br_features_pdf", "flag"),
    AtomicField("br_features_flash", "flag"),
    AtomicField("br_features_java", "flag"),
    AtomicField("br_features_director", "flag"),
    AtomicField("br_features_quicktime", "flag"),
    AtomicField("br_features_realplayer", "flag"),
    AtomicField("br_features_windowsmedia", "flag"),
    AtomicField("br_features_gears", "flag"),
    AtomicField("br_features_silverlight", "flag"),
    AtomicField("br_cookies", "flag"),
    AtomicField("br_colordepth", "string", 12),
    AtomicField("br_viewwidth", "integer"),
    AtomicField("br_viewheight", "integer"),
    AtomicField("os_name", "string", 50),
    AtomicField("os_family", "string", 50),
    AtomicField("os_manufacturer", "string", 50),
    AtomicField("os_timezone", "string", 255),
    AtomicField("dvce_type", "string", 50),
    AtomicField("dvce_ismobile", "flag"),
    AtomicField("dvce_screenwidth", "integer"),
    AtomicField("dvce_screenheight", "integer"),
    AtomicField("doc_charset", "string", 128),
    AtomicField("doc_width", "integer"),
    AtomicField("doc_height", "integer"),
    AtomicField("tr_currency", "string", 3),
    AtomicField("tr_total_base", "decimal"),
    AtomicField("tr_tax_base", "decimal"),
    AtomicField("tr_shipping_base", "decimal"),
    AtomicField("ti_currency", "string", 3),
    AtomicField("ti_price_base", "decimal"),
    AtomicField("base_currency", "string", 3),
    AtomicField("geo_timezone", "string", 64),
    AtomicField("mkt_clickid", "string", 1000),
    AtomicField("mkt_network", "string", 64),
    AtomicField("etl_tags", "string", 500),
    AtomicField("dvce_sent_tstamp", "timestamp"),
    AtomicField("refr_domain_userid", "string", 128),
    AtomicField("refr_dvce_tstamp", "timestamp"),
    AtomicField("derived_contexts", "json"),
    AtomicField("domain_sessionid", "uuid", 128),
    AtomicField("derived_tstamp", "timestamp"),
    AtomicField("event_vendor", "string", 1000),
    AtomicField("event_name", "string", 1000),
    AtomicField("event_format", "string", 128),
    AtomicField("event_version", "string", 128),
    AtomicField("event_fingerprint", "string", 128),
    AtomicField("true_tstamp", "timestamp"),
)

FIELD_BY_NAME: dict[str, AtomicField] = {field.name: field for field in FIELDS}


def columns_of(*types: FieldType) -> tuple[str, ...]:
    """The columns whose text is of one of these types, in table order.

    >>> columns_of("json")
    ('contexts', 'unstruct_event', 'derived_contexts')
    """
    return tuple(field.name for field in FIELDS if field.type in types)
