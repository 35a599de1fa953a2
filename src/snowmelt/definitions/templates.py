"""Sets of attributes to start a group from; what Snowplow's trackers send is all that they need."""

from typing import Any, Final

from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.criteria import Criteria, Criterion
from snowmelt.definitions.event import Event, PageView
from snowmelt.definitions.property import AtomicProperty, EntityProperty, EventProperty
from snowmelt.definitions.wire.registry import AttributeGroupTemplate

_SHOP: Final = "com.snowplowanalytics.snowplow.ecommerce"
_ACTION: Final = "snowplow_ecommerce_action"


def _visited(name: str, type: str, aggregation: str, field: str, description: str, **members: Any) -> Attribute:
    """An attribute of page views."""
    return Attribute.model_validate(
        {
            "name": name,
            "type": type,
            "aggregation": aggregation,
            "events": [PageView()],
            "property": AtomicProperty.model_validate({"name": field}),
            "description": description,
            **members,
        }
    )


def _campaign(aggregation: str, field: str) -> Attribute:
    """The first or last value of a campaign field, of page views that have one."""
    known = Criteria(all=[Criterion.is_not_null(AtomicProperty.model_validate({"name": field}))])
    description = f"The {aggregation} `{field}` that brought the visitor."
    return _visited(f"{aggregation}_{field}", "string", aggregation, field, description, criteria=known)


def _shopping(name: str, action: str, description: str, **members: Any) -> Attribute:
    """An attribute of one kind of shop action; a counter unless ``members`` say otherwise."""
    kind = EventProperty(vendor=_SHOP, name=_ACTION, major_version=1, path="type")
    counter = {"type": "int32", "aggregation": "counter"}
    return Attribute.model_validate(
        {
            "name": name,
            "description": description,
            "events": [Event(name=_ACTION, vendor=_SHOP)],
            "criteria": Criteria(all=[Criterion.eq(kind, action)]),
            **(counter | members),
        }
    )


def _entity(name: str, path: str) -> EntityProperty:
    return EntityProperty(vendor=_SHOP, name=name, major_version=1, path=path)


TEMPLATES: Final = (
    AttributeGroupTemplate(
        name="Page views",
        description="How many pages somebody looks at, which ones, and since when.",
        category="web_analytics",
        attributes=[
            Attribute(
                name="page_views",
                type="int32",
                aggregation="counter",
                events=[PageView()],
                description="All page views.",
            ),
            _visited("pages_seen", "string_list", "unique_list", "page_urlpath", "The paths of pages, each once."),
            _visited("first_page", "string", "first", "page_urlpath", "The path of the first page."),
            _visited("last_page", "string", "last", "page_urlpath", "The path of the latest page."),
            _visited("first_seen", "timestamp", "min", "derived_tstamp", "The time of the first page view."),
            _visited("last_seen", "timestamp", "max", "derived_tstamp", "The time of the latest page view."),
        ],
    ),
    AttributeGroupTemplate(
        name="Campaigns",
        description="Through which campaigns somebody came first and last.",
        category="marketing_attribution",
        attributes=[
            _campaign(aggregation, field)
            for aggregation in ("first", "last")
            for field in ("mkt_source", "mkt_medium", "mkt_campaign")
        ],
    ),
    AttributeGroupTemplate(
        name="Shopping",
        description="What somebody looks at, puts into the cart and buys, from the events of the e-commerce plugin.",
        category="ecommerce",
        attributes=[
            _shopping("product_views", "product_view", "Looks at products."),
            _shopping("carts", "add_to_cart", "Times that something was put into the cart."),
            _shopping(
                "categories_viewed",
                "product_view",
                "Categories of products looked at, each once.",
                type="string_list",
                aggregation="unique_list",
                property=_entity("product", "category"),
            ),
            _shopping("purchases", "transaction", "Completed purchases."),
            _shopping(
                "revenue",
                "transaction",
                "What all purchases came to.",
                type="double",
                aggregation="sum",
                property=_entity("transaction", "revenue"),
            ),
        ],
    ),
)
