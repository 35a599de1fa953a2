"""Every process is killed in mid-stream; no event is lost or counted twice.

A request whose answer never came may or may not have been stored. Half of the senders give up on such a request:
each goes to a user of its own as well as to shared ones, and its own user tells what became of it. The others do as
trackers do and send it again, with the same ids, until it is answered: then it counts, and only once.
"""

import os
import random
import threading
import time
import uuid
from typing import Any

import httpx
import pytest

from conftest import Server, eventually
from process_shop import Shop, shop_event

pytestmark = [pytest.mark.process, pytest.mark.crash]

ROUNDS = int(os.environ.get("SNOWMELT_CRASH_ROUNDS", "3"))
SENDERS = 4
SHARED = [str(uuid.UUID(int=number)) for number in range(20)]


class Sender(threading.Thread):
    """Sends requests one after the other until told to stop, and keeps account of each."""

    def __init__(self, shop: Shop, seed: int, insists: bool) -> None:
        super().__init__()
        self._insists = insists
        self._shop = Shop(str(shop.http.base_url), "")
        self._random = random.Random(seed)
        self.stopping = threading.Event()
        self.acknowledged: list[tuple[str, list[str]]] = []
        self.unanswered: list[tuple[str, list[str]]] = []

    def is_heard(self) -> bool:
        """Whether some requests were answered."""
        return len(self.acknowledged) > 5

    def run(self) -> None:
        while not self.stopping.is_set():
            own = str(uuid.uuid4())
            shared = self._random.choices(SHARED, k=3)
            events = [shop_event(user, "add_to_cart", 0.1) for user in (own, *shared)]
            answered = self._sent(events)
            while not answered and self._insists:
                answered = self._sent(events)
            (self.acknowledged if answered else self.unanswered).append((own, shared))
        self._shop.http.close()

    def _sent(self, events: list[dict[str, str]]) -> bool:
        """Send once; whether it was answered."""
        try:
            self._shop.track(events)
        except httpx.HTTPError:
            time.sleep(0.005)
            return False
        return True


def test_killed_in_mid_stream(server: Server, shop: Shop) -> None:
    rng = random.Random(int.from_bytes(os.urandom(4), "big"))
    acknowledged: list[tuple[str, list[str]]] = []
    unanswered: list[tuple[str, list[str]]] = []
    for number in range(ROUNDS):
        senders = [Sender(shop, rng.randrange(2**32), insists=bool(turn % 2)) for turn in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            eventually(sender.is_heard, "requests are answered")
        # The moment of death is random, and so is who dies: all at once, or one that must be started again.
        time.sleep(rng.uniform(0, 0.3))
        victims = server.processes()
        if number % 3 == 2:
            os.kill(rng.choice(victims[1:]), 9)
            time.sleep(rng.uniform(0, 0.2))
        server.kill()
        for sender in senders:
            sender.stopping.set()
        server.start()
        for sender in senders:
            sender.join(60)
            assert not sender.is_alive(), "what is sent again and again is answered once the server is back"
            acknowledged += sender.acknowledged
            unanswered += sender.unanswered
    server.flush(60)
    judge(shop, acknowledged, unanswered)


def judge(shop: Shop, acknowledged: list[Any], unanswered: list[Any]) -> None:
    """Every acknowledged request counts once; an unanswered one wholly or not at all."""
    assert acknowledged
    own = [user for user, _ in acknowledged]
    assert set(shop.read(own)) == {(None, 1, 0.1)}
    stored = []
    if unanswered:
        rows = shop.read([user for user, _ in unanswered])
        assert set(rows) <= {(None, 1, 0.1), (None, None, None)}
        stored = [request for request, row in zip(unanswered, rows, strict=True) if row[1]]
    expected = dict.fromkeys(SHARED, 0)
    for _, users in [*acknowledged, *stored]:
        for user in users:
            expected[user] += 1
    for user, (_, carts, total) in zip(SHARED, shop.read(SHARED), strict=True):
        assert carts == expected[user]
        assert total == pytest.approx(expected[user] / 10, rel=1e-12)
