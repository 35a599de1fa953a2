"""The tutorial's definitions: three attributes of a shop's visitors, the service that serves them, and three rules."""

from snowmelt.definitions import (
    Attribute,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventProperty,
    InterventionCriterion,
    LinkAttributeKey,
    RuleIntervention,
    Service,
    StreamAttributeGroup,
    domain_userid,
    user_id,
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
    """The service that applications read the group by; public, so that the shop's page can read it without a token."""
    return Service(name=NAME, attribute_groups=[tutorial_group()], owner=OWNER, access_mode="public")


def tutorial_interventions() -> list[RuleIntervention]:
    """The rules: a banner for who looks around, one for who has chosen something, one for who has chosen plenty.

    >>> [rule.name for rule in tutorial_interventions()]
    ['discount', 'cart_abandonment', 'free_shipping']
    """
    return [
        _rule("discount", "count_product_views", 3, "Has looked at several products."),
        _rule("cart_abandonment", "count_add_to_cart", 0, "Has put something into the cart."),
        _rule("free_shipping", "total_cart_value", 100, "Has put plenty into the cart."),
    ]


def _rule(name: str, attribute: str, limit: int, description: str) -> RuleIntervention:
    return RuleIntervention(
        name=name,
        version=1,
        description=description,
        criteria=InterventionCriterion(attribute=f"{NAME}:{attribute}", operator=">", value=limit),
        target_attribute_keys=[LinkAttributeKey(name=key.name) for key in (user_id, domain_userid)],
        owner=OWNER,
    )


def _action(kind: str) -> Criteria:
    kind_of_action = EventProperty(vendor=ECOMMERCE, name="snowplow_ecommerce_action", major_version=1, path="type")
    return Criteria(all=[Criterion.eq(property=kind_of_action, value=kind)])
