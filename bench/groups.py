"""Attribute groups over the shop's events, for benchmarks: wide ones, and ones that nothing ever matches."""

from collections.abc import Callable
from typing import Any

from snowmelt.definitions import AttributeGroup
from snowmelt.demo.tutorial import ECOMMERCE, tutorial_group

ACTION_EVENT = {"events": [{"name": "snowplow_ecommerce_action"}]}
PAGE_VIEW = {"events": [{"name": "page_view"}]}

URL_PATH = {"type": "atomic", "name": "page_urlpath"}
KIND = {"type": "event", "vendor": ECOMMERCE, "name": "snowplow_ecommerce_action", "major_version": 1, "path": "type"}
SKU = {"type": "entity", "vendor": ECOMMERCE, "name": "product", "major_version": 1, "path": "id"}
PRICE = SKU | {"path": "price"}


def group_of(name: str, attributes: list[dict[str, Any]]) -> AttributeGroup:
    """A group of visitors with these attributes."""
    return AttributeGroup.model_validate(tutorial_group().to_wire() | {"name": name, "attributes": attributes})


def usual_group(number: int = 1) -> AttributeGroup:
    """Ten attributes whose states are small: counters, sums, windows, a mean, the dearest, the first, the last."""
    views, carts, pages = _views(), _carts(), PAGE_VIEW
    return group_of(
        f"usual_{number}",
        [
            {"name": "views", "type": "int32", "aggregation": "counter", **views},
            {"name": "carts", "type": "int32", "aggregation": "counter", **carts},
            {"name": "spent", "type": "double", "aggregation": "sum", "property": PRICE, **carts},
            {"name": "carts_1h", "type": "int32", "aggregation": "counter", "period": "PT1H", **carts},
            {"name": "spent_1d", "type": "double", "aggregation": "sum", "property": PRICE, "period": "P1D", **carts},
            {"name": "dearest", "type": "double", "aggregation": "max", "property": PRICE, **carts},
            {"name": "mean_price", "type": "double", "aggregation": "mean", "property": PRICE, **carts},
            {"name": "pages", "type": "int32", "aggregation": "counter", **pages},
            {"name": "first_page", "type": "string", "aggregation": "first", "property": URL_PATH, **pages},
            {
                "name": "last_page",
                "type": "string",
                "aggregation": "last",
                "property": URL_PATH,
                "ttl": "P30D",
                **pages,
            },
        ],
    )


def mixed_group(number: int, skus: range | None = None) -> AttributeGroup:
    """Ten attributes of ten aggregations, three of them over periods, one with a TTL.

    Args:
        number: makes the name.
        skus: the products whose events count; all if None.
    """
    views, carts, pages = _views(skus), _carts(skus), dict[str, Any](PAGE_VIEW)
    if skus:
        paths = {"property": URL_PATH, "operator": "in", "value": [f"/products/{sku}" for sku in skus]}
        pages["criteria"] = {"all": [paths]}
    return group_of(
        f"mixed_{number}",
        [
            {"name": "views", "type": "int32", "aggregation": "counter", **views},
            {"name": "spent_1d", "type": "double", "aggregation": "sum", "property": PRICE, "period": "P1D", **carts},
            {"name": "dearest", "type": "double", "aggregation": "max", "property": PRICE, **carts},
            {
                "name": "cheapest_7d",
                "type": "double",
                "aggregation": "min",
                "property": PRICE,
                "period": "P7D",
                **views,
            },
            {"name": "mean_price", "type": "double", "aggregation": "mean", "property": PRICE, **carts},
            {"name": "seen", "type": "string_list", "aggregation": "unique_list", "property": SKU, **views},
            {
                "name": "top_page_1h",
                "type": "string",
                "aggregation": "most_frequent",
                "property": URL_PATH,
                "period": "PT1H",
                **pages,
            },
            {
                "name": "different",
                "type": "int32",
                "aggregation": "approx_count_distinct",
                "property": SKU,
                **carts,
            },
            {"name": "since_view", "type": "int64", "aggregation": "time_since_last", "time_unit": "s", **views},
            {
                "name": "last_page",
                "type": "string",
                "aggregation": "last",
                "property": URL_PATH,
                "ttl": "P30D",
                **pages,
            },
        ],
    )


def strange_groups(count: int) -> list[AttributeGroup]:
    """So many counters, ten a group, each of an event that never comes."""
    return _counters("strange", count, lambda number: {"events": [{"name": f"event_{number}"}]})


def unmet_texts(count: int) -> list[AttributeGroup]:
    """So many counters of the shop's actions, each of a kind of action that never comes."""
    return _counters("unmet_text", count, lambda number: _where(KIND, "=", f"kind_{number}"))


def unmet_numbers(count: int) -> list[AttributeGroup]:
    """So many counters of the shop's actions, each of products dearer than any."""
    return _counters("unmet_number", count, lambda number: _where(PRICE, ">", 1_000_000 + number))


def _counters(name: str, count: int, of: Callable[[int], dict[str, Any]]) -> list[AttributeGroup]:
    return [
        group_of(
            f"{name}_{start}",
            [
                {"name": f"a{number}", "type": "int32", "aggregation": "counter", **of(number)}
                for number in range(start, start + 10)
            ],
        )
        for start in range(0, count, 10)
    ]


def _where(of: dict[str, Any], operator: str, value: object, skus: range | None = None) -> dict[str, Any]:
    criteria = [{"property": of, "operator": operator, "value": value}]
    if skus:
        criteria.append({"property": SKU, "operator": "in", "value": [f"SKU-{sku}" for sku in skus]})
    return {**ACTION_EVENT, "criteria": {"all": criteria}}


def _views(skus: range | None = None) -> dict[str, Any]:
    return _where(KIND, "=", "product_view", skus)


def _carts(skus: range | None = None) -> dict[str, Any]:
    return _where(KIND, "=", "add_to_cart", skus)
