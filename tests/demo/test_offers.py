"""What a shopper is due, and what the terminal says of what came."""

from types import SimpleNamespace
from typing import Any

import pytest

from snowmelt.definitions import InterventionInstance, TargetAttributeKey
from snowmelt.demo.offers import AT_ONCE, MOST_FOLLOWED, Offers
from snowmelt.demo.shoppers import Shopper


class Subscription:
    """In place of a subscription: hands over what a test lets come."""

    def __init__(self, targets: Any) -> None:
        self.identifiers = targets.root["domain_userid"]
        self.open = False

    def add_handler(self, handler: Any) -> None:
        self.handler = handler

    def wait_until_open(self, timeout: float) -> bool:
        return self.open

    def __enter__(self) -> "Subscription":
        self.open = True
        return self

    def __exit__(self, *error: object) -> None:
        self.open = False

    def send(self, name: str, identifier: str) -> None:
        target = TargetAttributeKey(name="domain_userid", id=identifier)
        self.handler(InterventionInstance(name=name, version=1, target_attribute_key=target))


def _subscribing() -> tuple[Any, list[Subscription]]:
    made: list[Subscription] = []

    def pull(targets: Any) -> Subscription:
        made.append(Subscription(targets))
        return made[-1]

    return SimpleNamespace(pull_interventions=pull), made


def test_what_comes_is_held_against_what_is_due() -> None:
    signals, made = _subscribing()
    ann, bob = Shopper("Ann", "a", views=4), Shopper("Bob", "b", carts=1, cents=10_001)
    with Offers(signals, [ann, bob]) as offers:
        (subscription,) = made
        assert offers.disagreeing() == [ann, bob]
        subscription.send("discount", "a")
        subscription.send("cart_abandonment", "b")
        assert offers.disagreeing() == [bob]
        subscription.send("free_shipping", "b")
        assert offers.disagreeing() == []
        assert (offers.total, offers.followed) == (3, 2)
        subscription.send("discount", "a")
        assert offers.disagreeing() == [ann]
    assert not subscription.open


@pytest.mark.parametrize(
    ("shoppers", "streams"), [(1, 1), (AT_ONCE + 1, 2), (MOST_FOLLOWED + 7, MOST_FOLLOWED // AT_ONCE)]
)
def test_as_many_are_followed_as_streams_allow(shoppers: int, streams: int) -> None:
    signals, made = _subscribing()
    crowd = [Shopper(f"S{number}", str(number)) for number in range(shoppers)]
    with Offers(signals, crowd) as offers:
        assert len(made) == streams
        assert all(len(one.identifiers) <= AT_ONCE and one.open for one in made)
        assert [offers.came(one) is not None for one in crowd].count(True) == offers.followed
        assert offers.followed == min(shoppers, MOST_FOLLOWED)
