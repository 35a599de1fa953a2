"""Interventions through real servers: every worker, cut connections, slow subscribers, stopping."""

import asyncio
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from conftest import Server, eventually
from process_shop import Shop, shop_event
from snowmelt import (
    AsyncSignalsSandbox,
    AttributeKeyIdentifiers,
    InterventionCriterion,
    InterventionInstance,
    LinkAttributeKey,
    RuleIntervention,
    SignalsSandbox,
)
from snowmelt.sdk.errors import SignalsAPIError
from snowmelt.sdk.subscriptions import AsyncInterventionsSubscription
from tcp_proxy import CuttingProxy

pytestmark = pytest.mark.process

SETTINGS = """
[interventions]
heartbeat_seconds = 0.2
stall_seconds = 1.0
"""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Server]:
    """A server with two web processes, short heartbeats and little patience."""
    running = Server(tmp_path / "data", "--workers", "2", settings=SETTINGS)
    yield running
    running.close()


def targets(*identifiers: str) -> AttributeKeyIdentifiers:
    return AttributeKeyIdentifiers({"domain_userid": list(identifiers)})


def instance(name: str) -> InterventionInstance:
    return InterventionInstance(name=name, version=1, attributes={"shop:spent": "1"})


class Raw:
    """A stream on a socket of its own, so that nothing hides what is sent."""

    def __init__(self, url: str, identifier: str, small: bool = False) -> None:
        self.socket = socket.socket()
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        host, port = urlsplit(url).hostname, urlsplit(url).port
        self.socket.connect((host, port))
        path = f"/api/v1/interventions?domain_userid={identifier}"
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.socket.settimeout(20)
        self.text = ""

    def until(self, pattern: str) -> str:
        while not re.search(pattern, self.text):
            piece = self.socket.recv(65536)
            assert piece, f"the stream ended without {pattern}: {self.text}"
            self.text += piece.decode()
        return self.text

    def ended(self) -> bool:
        try:
            while piece := self.socket.recv(65536):
                self.text += piece.decode()
        except ConnectionResetError:
            pass
        return True


def serving(server: Server) -> list[int]:
    """How many connections each web process has taken, by its open sockets."""
    counts = []
    for pid in server.processes()[1:]:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"snowmelt.runtimes.web" in command:
            fds = Path(f"/proc/{pid}/fd")
            counts.append(sum(str(fd.readlink()).startswith("socket:") for fd in fds.iterdir() if fd.is_symlink()))
    return counts


def test_a_push_reaches_every_stream_of_its_targets_once_on_any_worker(pair: Server) -> None:
    ann, bob, nobody = str(uuid4()), str(uuid4()), str(uuid4())
    before = serving(pair)
    streams = [Raw(pair.url, f"{ann}&domain_userid={bob}") for _ in range(12)]
    single = [Raw(pair.url, bob) for _ in range(12)]
    others = [Raw(pair.url, nobody) for _ in range(2)]

    def open_on_both() -> bool:
        for one in (*streams, *single, *others):
            text = one.until(": connected\n\n")
            assert "HTTP/1.1 200 OK" in text and "access-control-allow-origin: *" in text
        found = all(now > then for then, now in zip(before, serving(pair), strict=True))
        if not found:
            # Whoever wakes first takes a connection, and on a busy machine that may be the same one for a while.
            single.append(Raw(pair.url, bob))
        return found

    eventually(open_on_both, "both workers have streams")
    with SignalsSandbox(api_url=pair.url, sandbox_token=pair.token) as signals:
        # On several connections, so that both workers take pushes.
        for number in range(20):
            assert signals.push_intervention(targets(ann, bob), instance(f"n{number:02}")) == "success"
            signals._driver._client.close()
            signals._driver._client = httpx.Client()
        assert signals.push_intervention(targets(str(uuid4())), instance("x")) == "undelivered"
    expected = [f"n{number:02}" for number in range(20)]
    for one in (*streams, *single):
        text = one.until("n19")
        assert re.findall(r'"name":"(n\d\d)"', text) == expected
        assert "event:" not in text
    for one in others:
        assert "data:" not in one.until(": keepalive\n")
    for one in (*streams, *single, *others):
        one.socket.close()


def test_a_slow_subscriber_is_cut_off_without_harm_to_others(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", settings=SETTINGS)
    ann = str(uuid4())
    slow, quick = Raw(server.url, ann, small=True), Raw(server.url, ann)
    for one in (slow, quick):
        one.until("\nid: ")
    big = instance("big").model_copy(update={"attributes": {"shop:text": "x" * 200_000}})
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        started = time.monotonic()
        while server.metric("snowmelt_streams_cut_total") < 1:
            assert signals.push_intervention(targets(ann), big) == "success"
            quick.until('"target_attribute_key"')
            quick.text = ""
            assert time.monotonic() - started < 60
    assert server.metric("snowmelt_streams_open") == 1
    assert slow.ended()
    slow.socket.close()
    quick.socket.close()
    server.close()


def test_streams_end_at_once_when_the_server_stops(pair: Server) -> None:
    streams = [Raw(pair.url, str(uuid4())) for _ in range(10)]
    for one in streams:
        assert re.search(r"\nretry: \d+\n", one.until("\nid: .*\n\n"))
    started = time.monotonic()
    pair.process.terminate()  # type: ignore[union-attr]
    for one in streams:
        assert one.ended() and one.text.endswith("0\r\n\r\n"), "whole, not torn"
        one.socket.close()
    assert time.monotonic() - started < 5
    assert pair.stop() == 0
    assert "Traceback" not in pair.log_file.read_text()


CARTS = "ecom_attributes:count_add_to_cart"


class Sender:
    """Pushes numbered interventions and puts things into a cart, each of which fires one; until told to stop."""

    def __init__(self, server: Server, identifier: str) -> None:
        self._server, self._identifier = server, identifier
        self._shop = Shop(server.url, server.token)
        self._shop.publish()
        every = RuleIntervention(
            name="cart",
            criteria=InterventionCriterion(attribute=CARTS, operator="changed"),
            target_attribute_keys=[LinkAttributeKey(name="domain_userid")],
            owner="user@company.com",
        )
        with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
            signals.publish([every])
        self._pushed = self._tracked = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with SignalsSandbox(api_url=self._server.url, sandbox_token=self._server.token) as signals:
            while not self._stop.wait(0.005):
                name = f"n{self._pushed}"
                assert signals.push_intervention(targets(self._identifier), instance(name)) != "failure"
                self._pushed += 1
                self._shop.track([shop_event(self._identifier, "add_to_cart", 0.1)])
                self._tracked += 1
        self._shop.http.close()

    def stop(self) -> list[str]:
        """What must have come: first the pushes in their order, then the firings in theirs."""
        self._stop.set()
        self._thread.join()
        pushes = [f"n{number}" for number in range(self._pushed)]
        return pushes + [f"cart {count}" for count in range(1, self._tracked + 1)]


def shown(one: InterventionInstance) -> str:
    """Which one it is."""
    return f"cart {(one.attributes or {})[CARTS]}" if one.name == "cart" else one.name


def in_turn(received: list[str]) -> list[str]:
    """The pushes as they have come, then the firings: how the two kinds mix is nobody's promise."""
    return sorted(received, key=lambda name: name.startswith("cart"))


def cut_ten_times(proxy: CuttingProxy, received: Callable[[], int]) -> None:
    """At random moments, each after something has come since the last time; the last cut is mended, too."""
    rng = random.Random(7)
    for cuts in range(1, 11):
        seen = received()
        eventually(lambda seen=seen: received() > seen, "something comes after a cut")
        end = time.monotonic() + rng.uniform(0, 0.15)
        eventually(lambda end=end: time.monotonic() >= end, "a random moment")
        eventually(proxy.cut, "there is a connection to cut")
        eventually(lambda cuts=cuts: proxy.connections > cuts, "whoever was cut off comes back")


def test_a_subscription_in_a_thread_that_is_cut_ten_times_loses_and_repeats_nothing(pair: Server) -> None:
    ann = str(uuid4())
    with CuttingProxy(urlsplit(pair.url).port or 0) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        received: list[str] = []
        with (
            SignalsSandbox(api_url=address, sandbox_token="unneeded") as signals,
            signals.pull_interventions(targets(ann)) as subscription,
        ):
            subscription.add_handler(lambda one: received.append(shown(one)))
            assert subscription.wait_until_open(20)
            sender = Sender(pair, ann)
            try:
                cut_ten_times(proxy, lambda: len(received))
            finally:
                sent = sender.stop()
            eventually(lambda: len(received) >= len(sent), "everything has come")
            assert in_turn(received) == sent and len(sent) > 20
            assert [shown(one) for one in subscription] == received
        assert proxy.connections >= 11


def test_a_subscription_in_asyncio_that_is_cut_ten_times_loses_and_repeats_nothing(pair: Server) -> None:
    ann = str(uuid4())
    received: list[str] = []

    async def take(subscription: AsyncInterventionsSubscription) -> None:
        # Giving up often must lose nothing either.
        with suppress(TimeoutError):
            received.append(shown(await subscription.get(timeout=0.003)))

    async def run(address: str, proxy: CuttingProxy) -> list[str]:
        async with (
            AsyncSignalsSandbox(api_url=address, sandbox_token="unneeded") as signals,
            signals.pull_interventions(targets(ann)) as subscription,
        ):
            sender = await asyncio.to_thread(Sender, pair, ann)
            cutting = asyncio.create_task(asyncio.to_thread(cut_ten_times, proxy, lambda: len(received)))
            deadline = time.monotonic() + 60
            try:
                while not cutting.done():
                    await take(subscription)
            finally:
                sent = await asyncio.to_thread(sender.stop)
            await cutting
            while len(received) < len(sent) and time.monotonic() < deadline:
                await take(subscription)
            return sent

    with CuttingProxy(urlsplit(pair.url).port or 0) as proxy:
        sent = asyncio.run(run(f"http://127.0.0.1:{proxy.port}", proxy))
        assert in_turn(received) == sent and len(sent) > 20
        assert proxy.connections >= 11


def test_a_subscription_outlives_a_restart_of_the_server(server: Server) -> None:
    ann = str(uuid4())
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        with signals.pull_interventions(targets(ann)) as subscription:
            assert subscription.wait_until_open(20)
            assert signals.push_intervention(targets(ann), instance("before")) == "success"
            assert subscription.get(timeout=20).name == "before"
            assert server.stop() == 0
            server.start()
            # Whether or not the subscription is back already, it gets this.
            assert signals.push_intervention(targets(ann), instance("after")) in ("success", "undelivered")
            assert subscription.get(timeout=20).name == "after"
        started = time.monotonic()
        subscription.stop()
        assert time.monotonic() - started < 1, "stopping does not wait for the next heartbeat"
        with pytest.raises(RuntimeError, match="running already"), subscription:
            subscription.start()


def test_a_refused_subscription_says_why(server: Server) -> None:
    wrong = AttributeKeyIdentifiers({"nobody": ["x"]})
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        subscription = signals.interventions.subscribe(wrong)
        for _ in range(2):  # and again when it is started again
            subscription.start()
            for _ in range(2):
                with pytest.raises(SignalsAPIError, match="no attribute key 'nobody'"):
                    subscription.get(timeout=20)
            assert not subscription.wait_until_open(0)
            subscription.stop()
        with pytest.raises(SignalsAPIError, match="no attribute key 'nobody'"):
            signals.push_intervention(wrong, instance("x"))

    async def run() -> Any:
        async with AsyncSignalsSandbox(api_url=server.url, sandbox_token=server.token) as asynchronous:
            with pytest.raises(SignalsAPIError, match="no attribute key 'nobody'"):
                await asynchronous.pull_interventions(wrong).start()
            ann = targets(str(uuid4()))
            async with asynchronous.interventions.subscribe(ann) as subscription:
                assert await asynchronous.push_intervention(ann, instance("a")) == "success"
                assert await asynchronous.interventions.publish(instance("b"), ann) == "success"
                got = []
                async for one in subscription:
                    got.append(one.name)
                    if len(got) == 2:
                        break
                return got

    assert asyncio.run(run()) == ["a", "b"]


def test_a_failing_handler_ends_the_subscription_only_if_it_is_to(server: Server) -> None:
    ann = targets(str(uuid4()))
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        subscription = signals.pull_interventions(ann)
        seen: list[str] = []

        def fail(one: InterventionInstance) -> None:
            seen.append(one.name)
            raise ValueError("this handler fails")

        subscription.add_handler(fail)
        with subscription:
            assert subscription.wait_until_open(20)
            for name in "ab":
                signals.push_intervention(ann, instance(name))
                assert subscription.get(timeout=20).name == name
            eventually(lambda: seen == ["a", "b"], "the handler saw both")
            assert subscription.remove_handler(fail) and not subscription.remove_handler(fail)
            subscription.add_handler(fail, ignore_fail=False)
            signals.push_intervention(ann, instance("c"))
            assert subscription.get(timeout=20).name == "c"
            with pytest.raises(ValueError, match="this handler fails"):
                subscription.get(timeout=20)
