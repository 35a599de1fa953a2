"""The ecommerce tutorial: three attributes of a shopper, each action with the products it is about."""

from typing import Any

import pytest
from snowplow_tracker import SelfDescribing, SelfDescribingJson, Tracker

from snowmelt import (
    Attribute,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventProperty,
    Service,
    SignalsSandbox,
    StreamAttributeGroup,
    domain_userid,
)
from snowmelt.testing import Visitor

pytestmark = pytest.mark.process

VENDOR, ACTION = "com.snowplowanalytics.snowplow.ecommerce", "snowplow_ecommerce_action"


def counted_when(name: str, kind: str, **more: Any) -> Attribute:
    """An attribute over actions of one type."""
    action = EventProperty(vendor=VENDOR, name=ACTION, major_version=1, path="type")
    shape = {"type": "int32", "aggregation": "counter"} | more
    return Attribute(
        name=name, events=[Event(name=ACTION)], criteria=Criteria(all=[Criterion.eq(action, kind)]), **shape
    )


PRICE = EntityProperty(vendor=VENDOR, name="product", major_version=1, path="price")
GROUP = StreamAttributeGroup(
    name="ecommerce_tutorial",
    attribute_key=domain_userid,
    attributes=[
        counted_when("count_product_views", "product_view"),
        counted_when("count_add_to_cart", "add_to_cart"),
        counted_when("total_cart_value", "add_to_cart", type="double", aggregation="sum", property=PRICE),
    ],
    owner="user@company.com",
)
SERVICE = Service(name="ecommerce_tutorial", attribute_groups=[GROUP], owner="user@company.com")


@pytest.fixture(autouse=True)
def published(signals: SignalsSandbox) -> None:
    signals.publish([GROUP, SERVICE])


def act(tracker: Tracker, kind: str, *prices: float | str) -> None:
    """One action on products of these prices."""
    products = [
        SelfDescribingJson(
            f"iglu:{VENDOR}/product/jsonschema/1-0-0",
            {"id": f"sku-{place}", "category": "shoes", "price": price, "currency": "EUR"},
        )
        for place, price in enumerate(prices)
    ]
    action = SelfDescribingJson(f"iglu:{VENDOR}/{ACTION}/jsonschema/1-0-2", {"type": kind})
    tracker.track(SelfDescribing(action, context=products))


def read(profile: Any, visitor: Visitor) -> tuple[Any, ...]:
    values = profile(SERVICE, visitor.domain_userid, key="domain_userid")
    return values["count_product_views"], values["count_add_to_cart"], values["total_cart_value"]


def test_a_visit_to_the_shop(tracker: Tracker, visitor: Visitor, profile: Any) -> None:
    assert read(profile, visitor) == (None, None, None)
    act(tracker, "product_view", 19.99)
    assert read(profile, visitor) == (1, None, None)
    act(tracker, "product_view", 24.5)
    act(tracker, "add_to_cart", 24.5)
    assert read(profile, visitor) == (2, 1, 24.5)
    act(tracker, "add_to_cart", 0.1)
    act(tracker, "add_to_cart", 0.2)
    # Exact to the cent, however many there are: 24.5 + 0.1 + 0.2 in doubles, one after the other, is not 24.8.
    assert read(profile, visitor) == (2, 3, 24.8)


def test_of_several_products_the_first_one_has_the_price(tracker: Tracker, visitor: Visitor, profile: Any) -> None:
    act(tracker, "add_to_cart", 20.25, 99.0)
    assert read(profile, visitor) == (None, 1, 20.25)


def test_what_is_no_price_is_not_added(tracker: Tracker, visitor: Visitor, profile: Any) -> None:
    act(tracker, "add_to_cart")
    assert read(profile, visitor) == (None, 1, None)
    # By its schema a price is a number: the whole event fails.
    act(tracker, "add_to_cart", "much")
    assert read(profile, visitor) == (None, 1, None)


def test_other_actions_and_other_visitors_do_not_count(
    tracker: Tracker, visitor: Visitor, profile: Any, snowmelt_server: Any
) -> None:
    act(tracker, "remove_from_cart", 5.0)
    act(snowmelt_server.tracker(), "add_to_cart", 7.0)
    act(tracker, "transaction", 5.0)
    assert read(profile, visitor) == (None, None, None)
