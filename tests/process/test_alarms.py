"""Interventions that time alone makes fire, on real servers: a cart that is left, and deaths while many are due."""

import os
import random
import time
import uuid
from collections import Counter
from typing import Any

import msgspec
import pytest

from conftest import Server, eventually
from process_shop import Shop, shop_event
from snowmelt import AttributeKeyIdentifiers, InterventionInstance, SignalsSandbox
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.stores.outbox import Outbox

pytestmark = [pytest.mark.process, pytest.mark.crash]

SECONDS = 2
"""Stand for the quarter of an hour after which a cart is abandoned."""

VISITORS, TOGETHER = 4_000, 100
ROUNDS = int(os.environ.get("SNOWMELT_CRASH_ROUNDS", "3"))


def publish_abandoned(shop: Shop) -> None:
    """A rule for carts that are left, over the tutorial's group and one that knows when something was put in."""
    criterion = {
        "property": {
            "type": "event",
            "vendor": "com.snowplowanalytics.snowplow.ecommerce",
            "name": "snowplow_ecommerce_action",
            "major_version": 1,
            "path": "type",
        },
        "operator": "=",
        "value": "add_to_cart",
    }
    quiet = {
        "name": "quiet",
        "type": "double",
        "aggregation": "time_since_last",
        "time_unit": "s",
        "events": [{"name": "snowplow_ecommerce_action"}],
        "criteria": {"all": [criterion]},
    }
    common = {"version": 1, "owner": "user@company.com", "is_published": True}
    group = common | {"name": "carts", "attribute_key": {"name": "domain_userid"}, "attributes": [quiet]}
    criteria = [
        {"attribute": "ecom_attributes:count_add_to_cart", "operator": ">", "value": 0},
        {"attribute": "carts:quiet", "operator": ">=", "value": SECONDS},
    ]
    rule = common | {
        "name": "abandoned",
        "criteria": {"all": criteria},
        "target_attribute_keys": [{"name": "domain_userid"}],
    }
    for path, body in (("attribute_groups", group), ("interventions", rule)):
        answer = shop.http.post(f"/api/v1/registry/{path}/", json=body, headers=shop.auth)
        assert answer.status_code == 201, answer.text


class Subscriber:
    """Takes the interventions of some visitors, and notes when each came."""

    def __init__(self, server: Server, visitors: list[str]) -> None:
        self.came: list[tuple[str, float, dict[str, Any]]] = []
        self._signals = SignalsSandbox(api_url=server.url, sandbox_token=server.token)
        targets = AttributeKeyIdentifiers({"domain_userid": visitors})
        self._subscription = self._signals.pull_interventions(targets)
        self._subscription.add_handler(self._take)

    def __enter__(self) -> "Subscriber":
        self._signals.__enter__()
        self._subscription.start()
        assert self._subscription.wait_until_open(20)
        return self

    def __exit__(self, *raised: Any) -> None:
        self._subscription.stop()
        self._signals.__exit__(*raised)

    def _take(self, one: InterventionInstance) -> None:
        assert one.target_attribute_key is not None
        self.came.append((one.target_attribute_key.id, time.time(), dict(one.attributes)))


def test_a_cart_that_is_left_brings_an_intervention_with_no_further_event(server: Server, shop: Shop) -> None:
    publish_abandoned(shop)
    left, busy, looking = [str(uuid.uuid4()) for _ in range(3)], str(uuid.uuid4()), str(uuid.uuid4())
    put: dict[str, tuple[float, float]] = {}

    def add(visitor: str) -> None:
        before = time.time()
        shop.track([shop_event(visitor, "add_to_cart", 10.0)])
        put[visitor] = before, time.time()

    with Subscriber(server, [*left, busy, looking]) as subscriber:
        shop.track([shop_event(looking, "product_view")])
        for visitor in (*left, busy):
            add(visitor)
        started = time.time()
        while time.time() < started + 2 * SECONDS:
            # Whoever goes on is not told, however long ago the first one was.
            eventually(lambda: time.time() > put[busy][1] + SECONDS / 6, "a little later")
            add(busy)
        eventually(lambda: len(subscriber.came) == len(left) + 1, "every cart that was left")
        came = {visitor: (at, attributes) for visitor, at, attributes in subscriber.came}
        assert came.keys() == {*left, busy}
        for visitor, (at, attributes) in came.items():
            # The instant is exact, whenever it was sent.
            assert attributes["carts:quiet"] == f"{SECONDS}.0"
            assert at >= put[visitor][0] + SECONDS - 0.002
        # One may be held up by whatever else the machine does; all of them are not.
        assert min(at - put[visitor][1] for visitor, (at, _) in came.items()) < SECONDS + 1
        # It is told once, until something else is put in and also then.
        add(left[0])
        late = time.time() + SECONDS + 1
        eventually(lambda: time.time() > late, "it would have come again")
        assert len(subscriber.came) == len(left) + 1


def test_killed_while_many_are_due(server: Server, shop: Shop) -> None:
    """Whatever dies while timers are due, each fires once."""
    publish_abandoned(shop)
    outbox = Outbox(DataDir(server.data_dir).outbox)
    visitors = [str(uuid.uuid4()) for _ in range(VISITORS)]

    def sent() -> int:
        return len(outbox.read(0, 2 * VISITORS))

    try:
        for start in range(0, VISITORS, TOGETHER):
            shop.track([shop_event(visitor, "add_to_cart", 10.0) for visitor in visitors[start : start + TOGETHER]])
        rng = random.Random(int.from_bytes(os.urandom(4), "big"))
        interrupted = 0
        for _ in range(ROUNDS):
            before = sent()
            eventually(lambda before=before: sent() > before or sent() == VISITORS, "some fire")
            time.sleep(rng.uniform(0, 0.05))  # the moment of death is random
            server.kill()
            interrupted += sent() < VISITORS
            server.start()
        assert interrupted, "none was killed while timers were due"
        eventually(lambda: sent() >= VISITORS, "all have fired", 60)
        server.flush(60)
        told = Counter(delivery.targets[0][1] for delivery in outbox.read(0, 2 * VISITORS))
        assert told == dict.fromkeys(visitors, 1)
        names = {msgspec.json.decode(delivery.payload)["name"] for delivery in outbox.read(0)}
        assert names == {"abandoned"}
    finally:
        outbox.close()
