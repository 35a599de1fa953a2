"""The tutorial's interventions fire from a real tracker's events, and every client receives the same ones, once."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest

from conformance.conftest import NAMES
from process_shop import Shop
from snowmelt import AttributeKeyIdentifiers, InterventionInstance, SignalsSandbox

pytestmark = pytest.mark.process

CARTS, VIEWS, TOTAL = (
    f"ecom_attributes:{name}" for name in ("count_add_to_cart", "count_product_views", "total_cart_value")
)


@pytest.fixture
def subscribed(running_with: Any, sdk_named: Any, shop: Shop) -> Iterator[Callable[[dict[str, list[str]]], list[Any]]]:
    """Subscribe with every client to the same targets; each has published the rules before."""
    with ExitStack() as scripts:

        def subscribe(targets: dict[str, list[str]]) -> list[Any]:
            clients = []
            for name in NAMES:
                client = scripts.enter_context(running_with(sdk_named(name), "fired.py"))
                assert client.hear() == {"published": ["cart_abandonment", "discount", "free_shipping"]}
                clients.append(client)
            # Only once all have published, so that no event meets rules that come anew.
            for client in clients:
                client.tell(json.dumps(targets))
                assert client.hear() == ["open"]
            return clients

        yield subscribe


def test_every_client_receives_what_fires_once(server: Any, shopper: Any, subscribed: Any) -> None:
    ann, bob = str(uuid4()), str(uuid4())
    laptop, phone, other = str(uuid4()), str(uuid4()), str(uuid4())
    clients = subscribed({"user_id": [ann], "domain_userid": [laptop, phone]})

    on_laptop, on_phone = shopper(laptop, ann), shopper(phone, ann)
    for price in (60.0, 40.0, 0.0):
        on_laptop.does("product_view", [price])
    on_laptop.arrives()
    on_laptop.does("add_to_cart", [60.0])  # the first in the cart
    on_laptop.does("product_view", [5.0])  # the fourth view
    on_laptop.does("add_to_cart", [40.0])  # 100 is not more than 100
    on_laptop.does("add_to_cart", [0.5])
    on_laptop.arrives()
    # All of it holds already; nothing fires anew.
    for _ in range(3):
        on_laptop.does("product_view", [5.0])
        on_laptop.does("add_to_cart", [50.0])
    on_laptop.arrives()
    # Somebody else's are nobody's here.
    stranger = shopper(other, bob)
    stranger.does("add_to_cart", [500.0])
    stranger.arrives()
    # On another device she is who has had it, but the device is not.
    on_phone.does("add_to_cart", [20.0])
    on_phone.arrives()
    expected = [
        ["cart_abandonment", 1, {CARTS: "1"}, "user_id", ann],
        ["discount", 1, {VIEWS: "4"}, "user_id", ann],
        ["free_shipping", 1, {TOTAL: "100.5"}, "user_id", ann],
        ["cart_abandonment", 1, {CARTS: "1"}, "domain_userid", phone],
    ]
    received = [[client.hear() for _ in expected] for client in clients]
    end_of(server, phone)
    for client, got in zip(clients, received, strict=True):
        assert [one[1:] for one in got] == expected
        assert len({UUID(one[0]) for one in got}) == len(expected)
        assert got == received[0], "the same firings, by their ids"
        assert client.hear()[1] == "end", "nothing comes twice"
    assert fired(server) == {"cart_abandonment_v1": 3.0, "discount_v1": 1.0, "free_shipping_v1": 2.0}


def end_of(server: Any, identifier: str) -> None:
    """Push what is to come after everything else."""
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        signals.push_intervention(
            AttributeKeyIdentifiers({"domain_userid": [identifier]}), InterventionInstance(name="end", version=1)
        )


def fired(server: Any) -> dict[str, float]:
    """How often each intervention has fired, as the metrics have it."""
    return server.metrics_by("snowmelt_interventions_fired_total", "intervention")
