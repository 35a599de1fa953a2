"""The shoppers send, through the tracker, exactly what they remember, and lose nothing on the way."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from snowmelt.connectors.line_formats import LINE_FORMATS
from snowmelt.demo.catalog import NAMES, visitor_name
from snowmelt.demo.shoppers import ACTION, CART, PRODUCT, Shop
from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.stores.event_log import decode_payload

URL = "http://127.0.0.1:8080"


class Collector(BaseAdapter):
    """Takes the tracker's requests in place of the network.

    Args:
        refuse: how many requests are answered 503 first.
    """

    def __init__(self, refuse: int = 0) -> None:
        super().__init__()
        self.bodies: list[bytes] = []
        self.urls: set[str] = set()
        self._refuse = refuse

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = requests.Response()
        response.request, response.url = request, request.url or ""
        if self._refuse > 0:
            self._refuse -= 1
            response.status_code = 503
            return response
        response.status_code = 200
        self.urls.add(response.url)
        body = request.body or b""
        self.bodies.append(body.encode() if isinstance(body, str) else body)
        return response

    def close(self) -> None:
        pass

    def events(self) -> Iterator[dict[str, Any]]:
        """The enriched events of everything that was taken."""
        convert, records = LINE_FORMATS["payload"]
        for _, now, body in records([convert(body) for body in self.bodies], 1_741_082_405_158):
            for outcome in Enricher().enrich(decode_payload(body), now):
                assert not isinstance(outcome, FailedEvent), outcome.reason
                yield outcome.event


def _shop(collector: Collector, shoppers: int = 5, seed: int | None = 1) -> Shop:
    session = requests.Session()
    session.mount("http://", collector)
    return Shop(URL, shoppers, seed=seed, session=session)


def _walk(shop: Shop, steps: int) -> None:
    for step in range(steps):
        shop.track(shop.shoppers[step % len(shop.shoppers)])


def test_what_arrives_is_what_they_remember() -> None:
    collector = Collector()
    shop = _shop(collector)
    _walk(shop, 400)
    assert shop.close()
    assert collector.urls == {f"{URL}/com.snowplowanalytics.snowplow/tp2"}
    events = list(collector.events())
    assert len(events) == shop.tracked == shop.acknowledged == 400
    for shopper in shop.shoppers:
        own = [event for event in events if event["domain_userid"] == shopper.domain_userid]
        actions = [event for event in own if event["event_name"] == "snowplow_ecommerce_action"]
        kinds = Counter(event["unstruct_event"]["data"]["type"] for event in actions)
        carts = [event for event in actions if event["unstruct_event"]["data"]["type"] == "add_to_cart"]
        assert kinds == Counter(product_view=shopper.views, add_to_cart=shopper.carts)
        prices = [event["contexts"][0]["data"]["price"] for event in carts]
        assert sum(round(price * 100) for price in prices) == shopper.cents
        assert shopper.agrees(
            {
                "count_product_views": kinds["product_view"],
                "count_add_to_cart": len(carts),
                "total_cart_value": sum(prices),
            }
        )
        assert len(own) > len(actions)  # some only look at a page


def test_entities_are_of_the_schemas_of_ecommerce() -> None:
    collector = Collector()
    shop = _shop(collector)
    _walk(shop, 100)
    assert shop.close()
    seen = set()
    for event in collector.events():
        if event["event"] == "unstruct":
            assert event["unstruct_event"]["schema"] == ACTION
            schemas = [entity["schema"] for entity in event["contexts"]]
            kind = event["unstruct_event"]["data"]["type"]
            assert schemas == ([PRODUCT, CART] if kind == "add_to_cart" else [PRODUCT])
            product = event["contexts"][0]["data"]
            assert product.keys() >= {"id", "category", "price", "currency"}
            assert product["price"] == round(product["price"], 2)
            seen.add(kind)
    assert seen == {"product_view", "add_to_cart"}


def test_a_busy_server_gets_every_event_later_and_once(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(refuse=2)
    shop = _shop(collector)
    _walk(shop, 120)
    assert shop.close()
    assert len(list(collector.events())) == 120
    identifiers = [item["eid"] for body in collector.bodies for item in json.loads(body)["data"]]
    assert len(set(identifiers)) == 120


def test_a_server_that_is_gone_is_told_and_does_not_hold_them_up() -> None:
    shop = _shop(Collector(refuse=10_000))
    _walk(shop, 3)
    assert shop.close(timeout=0.2) is False
    assert (shop.tracked, shop.acknowledged) == (3, 0)


def test_they_browse_by_themselves_until_the_shop_closes() -> None:
    collector = Collector()
    shop = _shop(collector, shoppers=50)
    shop.open()
    deadline = time.monotonic() + 10
    while shop.acknowledged < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert shop.close()
    before = shop.tracked
    assert before >= 10
    assert len(list(collector.events())) == before == shop.tracked


def test_equal_seeds_make_equal_crowds() -> None:
    one, two, other = (_shop(Collector(), seed=seed) for seed in (7, 7, 8))
    assert [shopper.domain_userid for shopper in one.shoppers] == [s.domain_userid for s in two.shoppers]
    assert [shopper.domain_userid for shopper in one.shoppers] != [s.domain_userid for s in other.shoppers]


def test_no_two_visitors_share_a_name() -> None:
    names = [visitor_name(number) for number in range(len(NAMES) * 3)]
    assert len(set(names)) == len(names)
