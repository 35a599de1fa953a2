"""Simulated shoppers: they browse through the real Snowplow tracker, and remember what they did."""

import logging
import random
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from snowplow_tracker.emitters import Emitter
from snowplow_tracker.events.event import Event
from snowplow_tracker.events.page_view import PageView
from snowplow_tracker.events.self_describing import SelfDescribing
from snowplow_tracker.self_describing_json import SelfDescribingJson
from snowplow_tracker.subject import Subject
from snowplow_tracker.tracker import Tracker

from snowmelt.demo.catalog import CURRENCY, SHOP, Product, stock, visitor_name
from snowmelt.demo.tutorial import ECOMMERCE

ACTION = f"iglu:{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2"
PRODUCT = f"iglu:{ECOMMERCE}/product/jsonschema/1-0-0"
CART = f"iglu:{ECOMMERCE}/cart/jsonschema/1-0-0"

TICK_SECONDS = 0.1
ACTIONS_PER_SECOND = 1.5
"""What one shopper does on average."""

# The tracker logs every request; what is worth a line here is what goes wrong.
logging.getLogger("snowplow_tracker.emitters").setLevel(logging.WARNING)


@dataclass
class Shopper:
    """Somebody in the shop.

    Args:
        name: for people.
        domain_userid: the id that the tracker sends.
        views: products viewed so far: what ``count_product_views`` must become.
        carts: products put into the cart: what ``count_add_to_cart`` must become.
        cents: what they cost together, in hundredths: what ``total_cart_value`` must become.
    """

    name: str
    domain_userid: str
    views: int = 0
    carts: int = 0
    cents: int = 0
    looking_at: Product | None = field(default=None, repr=False)

    def act(self, rng: random.Random, products: Sequence[Product]) -> Event:
        """Do one thing, and give the event that a tracker sends of it."""
        if self.looking_at is not None and rng.random() < 0.35:
            return self._add_to_cart(self.looking_at)
        if rng.random() < 0.25:
            self.looking_at = None
            category = rng.choice(products).category
            return PageView(page_url=f"{SHOP}/{category}", page_title=f"{category} | Shop")
        return self._view(rng.choice(products))

    def _view(self, product: Product) -> Event:
        self.looking_at = product
        self.views += 1
        return _action("product_view", [SelfDescribingJson(PRODUCT, product.entity())])

    def _add_to_cart(self, product: Product) -> Event:
        self.looking_at = None
        self.carts += 1
        self.cents += product.cents
        cart = {"total_value": self.cents / 100, "currency": CURRENCY}
        return _action("add_to_cart", [SelfDescribingJson(PRODUCT, product.entity()), SelfDescribingJson(CART, cart)])

    def agrees(self, values: dict[str, Any]) -> bool:
        """Whether the attributes that were read are what this shopper did, to the cent.

        >>> shopper = Shopper("Aino", "a", views=2, carts=1, cents=1999)
        >>> shopper.agrees({"count_product_views": 2, "count_add_to_cart": 1, "total_cart_value": 19.99})
        True
        >>> Shopper("Bilal", "b").agrees({"count_product_views": None, "total_cart_value": None})
        True
        """
        return (
            (values.get("count_product_views") or 0) == self.views
            and (values.get("count_add_to_cart") or 0) == self.carts
            and round((values.get("total_cart_value") or 0) * 100) == self.cents
        )

    def due(self) -> list[str]:
        """The tutorial's rules that must have sent something to this shopper by now.

        >>> Shopper("Aino", "a", views=4, carts=1, cents=10_000).due()
        ['discount', 'cart_abandonment']
        """
        rules = {
            "discount": self.views > 3,
            "cart_abandonment": self.carts > 0,
            "free_shipping": self.cents > 10_000,
        }
        return [name for name, holds in rules.items() if holds]


def _action(kind: str, entities: list[SelfDescribingJson]) -> Event:
    return SelfDescribing(event_json=SelfDescribingJson(ACTION, {"type": kind}), context=entities)


class Shop:
    """Lets shoppers browse in a thread until told to stop; each batch of events is one request.

    Args:
        url: of the collector.
        shoppers: how many.
        seed: of the random numbers; a different crowd each time if ``None``.
        session: sends the requests, instead of one of its own.
    """

    def __init__(
        self, url: str, shoppers: int, seed: int | None = None, session: requests.Session | None = None
    ) -> None:
        self._rng = random.Random(seed)
        self._products = stock(self._rng)
        self.shoppers = [
            Shopper(visitor_name(number), str(uuid.UUID(int=self._rng.getrandbits(128), version=4)))
            for number in range(shoppers)
        ]
        self.tracked = 0
        self.acknowledged = 0
        self._closing = threading.Event()
        self._session = session or requests.Session()
        self._session.trust_env = False  # a proxy for the internet has no part in this
        address = urlsplit(url)
        self._emitter = Emitter(
            address.netloc,
            protocol="https" if address.scheme == "https" else "http",
            batch_size=50,
            request_timeout=10.0,
            max_retry_delay_seconds=1,
            on_success=self._acknowledge,
            session=self._session,
        )
        self._tracker = Tracker("shop", self._emitter, app_id="shop-demo", encode_base64=False)
        self._thread = threading.Thread(target=self._run, name="shoppers", daemon=True)

    def open(self) -> None:
        """Let the shoppers in."""
        self._thread.start()

    def close(self, timeout: float = 20.0) -> bool:
        """Send the shoppers home, and what they did to the server.

        Args:
            timeout: seconds.

        Returns:
            Whether every event was acknowledged.
        """
        deadline = time.monotonic() + timeout
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        while self.acknowledged < self.tracked and time.monotonic() < deadline:
            self._emitter.flush()
            if self.acknowledged < self.tracked:
                time.sleep(0.02)
        self._session.close()
        return self.acknowledged == self.tracked

    def _run(self) -> None:
        while not self._closing.wait(TICK_SECONDS):
            for shopper in self.shoppers:
                if self._rng.random() < ACTIONS_PER_SECOND * TICK_SECONDS:
                    self.track(shopper)
            self._emitter.flush()

    def track(self, shopper: Shopper) -> None:
        """Let a shopper do one thing, and hand its event to the tracker."""
        event = shopper.act(self._rng, self._products)
        event.event_subject = Subject().set_platform("web").set_domain_user_id(shopper.domain_userid)
        self.tracked += 1
        self._tracker.track(event)

    def _acknowledge(self, events: list[Any]) -> None:
        self.acknowledged += len(events)
