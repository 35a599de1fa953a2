"""Properties in the words of other systems, and computations that groups share."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from snowmelt.compute.plan import plan_group
from snowmelt.definitions import StreamAttributeGroup, domain_userid, read_group
from snowmelt.definitions.property import Property
from snowmelt.definitions.rules import check_group
from snowmelt.definitions.templates import TEMPLATES
from snowmelt.definitions.wire import published_attributes
from snowmelt.definitions.wire.expressions import rendered

SEARCH = {"type": "event", "vendor": "com.acme-shop", "name": "siteSearch", "major_version": 2, "path": "$.by.sortBy"}
ITEM = {
    "type": "entity",
    "vendor": "com.acme",
    "name": "item",
    "major_version": 1,
    "path": "tags[1].my-key",
    "index": 3,
}
PAIR = [{"type": "atomic", "name": "tr_tax"}, {"type": "atomic", "name": "tr_total"}]
DIALECTS = ("snowflake", "bigquery", "databricks")


def told(members: dict[str, Any], syntax: Any) -> Any:
    found: Any = TypeAdapter(Property).validate_python(members)
    return rendered(found, syntax)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"type": "atomic", "name": "page_url"}, ["page_url"] * 3),
        (
            SEARCH,
            [
                "unstruct_event_com_acme_shop_site_search_2:by.sortBy",
                "unstruct_event_com_acme_shop_site_search_2.by.sort_by",
                "unstruct_event_com_acme_shop_site_search_2.by.sort_by",
            ],
        ),
        (
            ITEM,
            [
                'contexts_com_acme_item_1[3]:tags[1]."my-key"',
                "contexts_com_acme_item_1[SAFE_OFFSET(3)].tags[SAFE_OFFSET(1)].my_key",
                "contexts_com_acme_item_1[3].tags[1].my_key",
            ],
        ),
        (
            {"type": "atomic", "name": "derived_tstamp", "date_part": "active_day"},
            [
                "TO_CHAR(derived_tstamp, 'YYYY-MM-DD')",
                "FORMAT_TIMESTAMP('%F', derived_tstamp)",
                "DATE_FORMAT(derived_tstamp, 'yyyy-MM-dd')",
            ],
        ),
        (
            ITEM | {"path": "t", "date_part": "day_of_week"},
            [
                "DAYOFWEEKISO(CONVERT_TIMEZONE('UTC', TO_TIMESTAMP_TZ(contexts_com_acme_item_1[3]:t)))",
                "MOD(EXTRACT(DAYOFWEEK FROM CAST(contexts_com_acme_item_1[SAFE_OFFSET(3)].t AS TIMESTAMP)) + 5, 7) + 1",
                "WEEKDAY(CAST(contexts_com_acme_item_1[3].t AS TIMESTAMP)) + 1",
            ],
        ),
        (
            {"type": "calculated", "operation": "concat", "properties": PAIR, "separator": "'/"},
            [
                "ARRAY_TO_STRING(ARRAY_CONSTRUCT_COMPACT(CAST(tr_tax AS VARCHAR), CAST(tr_total AS VARCHAR)), '\\'/')",
                "ARRAY_TO_STRING([CAST(tr_tax AS STRING), CAST(tr_total AS STRING)], '\\'/')",
                "CONCAT_WS('\\'/', CAST(tr_tax AS STRING), CAST(tr_total AS STRING))",
            ],
        ),
        (
            {"type": "calculated", "operation": "min", "properties": PAIR},
            [
                "LEAST(tr_tax, tr_total)",
                "LEAST(tr_tax, tr_total)",
                "CASE WHEN tr_tax IS NULL OR tr_total IS NULL THEN NULL ELSE LEAST(tr_tax, tr_total) END",
            ],
        ),
        ({"type": "calculated", "operation": "product", "properties": PAIR}, ["(tr_tax * tr_total)"] * 3),
        ({"type": "calculated", "operation": "coalesce", "properties": PAIR}, ["COALESCE(tr_tax, tr_total)"] * 3),
    ],
    ids=lambda value: value.get("operation", value["type"]) if isinstance(value, dict) else "",
)
def test_columns_of_warehouses(members: dict[str, Any], expected: list[str]) -> None:
    assert [told(members, dialect) for dialect in DIALECTS] == expected


def test_paths_of_engines() -> None:
    assert told(SEARCH, "blobl") == {
        "type": "leaf",
        "blobl_path": "unstruct_event_com_acme_shop_site_search_2.by.sortBy",
    }
    both = {"type": "calculated", "operation": "concat", "properties": [ITEM, PAIR[0]], "separator": "-"}
    assert told(both, "blobl") == {
        "type": "calculated",
        "operation": "concat",
        "separator": "-",
        "properties": [
            {"type": "leaf", "blobl_path": "contexts_com_acme_item_1.3.tags[1].my-key"},
            {"type": "leaf", "blobl_path": "tr_tax"},
        ],
    }


def group(name: str, version: int = 1, **members: Any) -> Any:
    spent = {"name": f"{name}_spent", "type": "double", "aggregation": "sum", "property": PAIR[0], "period": "PT15M"}
    body = {"name": name, "version": version, "attribute_key": {"name": "user", "key": "domain_userid"}}
    return read_group(body | {"attributes": [spent]} | members)


EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def test_equal_computations_are_told_once() -> None:
    [shared] = published_attributes([(group("shop", 2), LATE), (group("cafe", description="Other words"), EARLY)])
    assert [(one.name, one.version, one.attribute_name) for one in shared.source_groups] == [
        ("shop", 2, "shop_spent"),
        ("cafe", 1, "cafe_spent"),
    ]
    assert shared.streaming_since_tstamp == "2026-01-01T00:00:00Z"
    assert (shared.attribute_key.blobl_path, shared.attribute_key_or_name) == ("domain_userid", "domain_userid")
    assert shared.property is not None
    assert shared.property.to_wire() == {"type": "leaf", "blobl_path": "tr_tax"}
    assert (shared.ttl, shared.to_wire()["period"]) == (900, "PT15M")


@pytest.mark.parametrize("members", [{"ttl": "P7D"}, {"attribute_key": {"name": "user_id"}}])
def test_what_decides_a_value_makes_another_computation(members: dict[str, Any]) -> None:
    found = published_attributes([(group("shop"), LATE), (group("shop", 2, **members), LATE)])
    assert len({one.definition_hash for one in found}) == 2
    if "ttl" in members:
        assert [one.ttl for one in found] == [900, 604800]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_templates_can_be_published_as_they_are(template: Any) -> None:
    whole = StreamAttributeGroup(
        name="from_template",
        attribute_key=domain_userid,
        attributes=template.attributes,
        owner="data@example.com",
        is_published=True,
    )
    assert check_group(whole) == []
    assert plan_group(whole, 1)
