"""The tutorial's definitions: three attributes of a shop's visitors, and the service that serves them."""

from snowmelt.definitions import (
    Attribute,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventProperty,
    Service,
    StreamAttributeGroup,
    domain_userid,
)

ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"
NAME = "ecom_attributes"
OWNER = "user@company.com"


def tutorial_group() -> StreamAttributeGroup:
    """The group: how many products somebody viewed, put into the cart, and what those cost together.

    >>> tutorial_group().column_names()
    ('count_product_views', 'count_add_to_cart', 'total_cart_value')
    """
    events = [Event(name="snowplow_ecommerce_action")]
    price = EntityProperty(vendor=ECOMMERCE, name="product", major_version=1, path="price")
    return StreamAttributeGroup(
        name=NAME,
        version=1,
        attribute_key=domain_userid,
        owner=OWNER,
        attributes=[
            Attribute(
                name="count_product_views",
                type="int32",
                aggregation="counter",
                events=events,
                criteria=_action("product_view"),
            ),
            Attribute(
                name="count_add_to_cart",
                type="int32",
                aggregation="counter",
                events=events,
                criteria=_action("add_to_cart"),
            ),
            Attribute(
                name="total_cart_value",
                type="double",
                aggregation="sum",
                events=events,
                criteria=_action("add_to_cart"),
                property=price,
            ),
        ],
    )


def tutorial_service() -> Service:
    """The service that applications read the group by."""
    return Service(name=NAME, attribute_groups=[tutorial_group()], owner=OWNER)


def _action(kind: str) -> Criteria:
    kind_of_action = EventProperty(vendor=ECOMMERCE, name="snowplow_ecommerce_action", major_version=1, path="type")
    return Criteria(all=[Criterion.eq(property=kind_of_action, value=kind)])
