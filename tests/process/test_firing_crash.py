"""Processes are killed while interventions fire; every subscriber receives each firing once, and in order.

Senders do as trackers do: they send a request again, with the same ids, until it is answered. So it is known how often
each user has put something into the cart, and with it what must fire: one rule with the first time, one with the
third, and one with every time, which sends along how many times it is. Subscriptions of Snowmelt's client are open
all the while.
"""

import os
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from conftest import Server, eventually
from process_shop import Shop, shop_event
from snowmelt import AttributeKeyIdentifiers, InterventionInstance, SignalsSandbox
from storm import Subscriber, expected_firings, rules

pytestmark = [pytest.mark.process, pytest.mark.crash]

ROUNDS = int(os.environ.get("SNOWMELT_CRASH_ROUNDS", "2"))
SENDERS, STREAMS, USERS = 3, 4, 10
CARTS = "ecom_attributes:count_add_to_cart"


RULES = rules(CARTS)


class Sender(threading.Thread):
    """Puts things into the carts of random users until told to stop; all of it counts, as it is sent until answered."""

    def __init__(self, url: str, seed: int, users: list[str]) -> None:
        super().__init__()
        self._shop, self._random, self._users = Shop(url, ""), random.Random(seed), users
        self._stopping = threading.Event()
        self.counted: Counter[str] = Counter()

    def run(self) -> None:
        while not self._stopping.is_set():
            users = self._random.choices(self._users, k=3)
            events = [shop_event(user, "add_to_cart", 0.1) for user in users]
            while not self._is_answered(events):
                time.sleep(0.005)
            self.counted.update(users)
        self._shop.http.close()

    def _is_answered(self, events: list[dict[str, str]]) -> bool:
        try:
            self._shop.track(events)
        except httpx.HTTPError:
            return False
        return True

    def stop(self) -> Counter[str]:
        """How often each user has put something into the cart."""
        self._stopping.set()
        self.join(60)
        assert not self.is_alive(), "what is sent again and again is answered once the server is back"
        return self.counted


@pytest.fixture
def subscribers(server: Server, shop: Shop) -> Iterator[list[Subscriber]]:
    """Open streams, each for users of its own; the rules are published."""
    with ExitStack() as opened:
        signals = opened.enter_context(SignalsSandbox(api_url=server.url, sandbox_token=server.token))
        signals.publish(RULES)
        streams = [Subscriber(signals, [str(uuid.uuid4()) for _ in range(USERS)], CARTS) for _ in range(STREAMS)]
        for stream in streams:
            opened.enter_context(stream.subscription)
            assert stream.subscription.wait_until_open(20)
        yield streams


def test_killed_while_interventions_fire(server: Server, subscribers: list[Subscriber]) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    rng = random.Random(seed)
    users = [user for stream in subscribers for user in stream.users]
    counted: Counter[str] = Counter()

    def more_comes() -> None:
        seen = [len(stream.received) for stream in subscribers]
        for stream, then in zip(subscribers, seen, strict=True):
            eventually(lambda at=then, one=stream: len(one.received) > at, "every stream goes on", 60)
        time.sleep(rng.uniform(0, 0.1))

    for _ in range(ROUNDS):
        senders = [Sender(server.url, rng.randrange(2**32), users) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        for victim in rng.sample(["engine_process", "web"], 2):
            more_comes()
            os.kill(server.process_of(victim), 9)
        more_comes()
        server.kill()
        server.start()
        more_comes()
        for sender in senders:
            counted += sender.stop()
    server.flush(60)
    due = {user: expected_firings(counted[user]) for user in users}
    total = sum(map(len, due.values()))
    eventually(lambda: sum(len(stream.received) for stream in subscribers) >= total, "everything has come", 60)
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        for stream in subscribers:
            target = AttributeKeyIdentifiers({"domain_userid": stream.users[:1]})
            assert signals.push_intervention(target, InterventionInstance(name="end", version=1)) == "success"
            eventually(lambda stream=stream: stream.received[-1].name == "end", "the end comes")
            due[stream.users[0]].append("end")
    for stream in subscribers:
        for user in stream.users:
            assert sorted(stream.names(user)) == sorted(due[user]), f"seed {seed}"
            changes = [name for name in stream.names(user) if name.startswith("every")]
            assert changes == [name for name in due[user] if name.startswith("every")], f"in order; seed {seed}"
        ids = [one.intervention_id for one in stream.received]
        assert len(set(ids)) == len(ids)
    assert sum(server.metrics_by("snowmelt_interventions_fired_total", "intervention").values()) == total
