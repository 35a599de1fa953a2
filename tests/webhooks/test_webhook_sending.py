"""Webhooks without a server around them: real endpoints on loopback, a real outbox, the command line's database."""

import asyncio
import ipaddress
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook

from receiver import Receiver
from snowmelt.definitions.wire.delivery import payload
from snowmelt.settings import WebhookSettings
from snowmelt.stores.errors import StoreError
from snowmelt.stores.outbox import Delivery, Outbox
from snowmelt.stores.webhook_queue import WebhookQueue
from snowmelt.stores.webhooks import Endpoint, Webhooks, new_secret
from snowmelt.webhooks.attempt import Sender
from snowmelt.webhooks.courier import Courier
from snowmelt.webhooks.guard import ForbiddenUrl, check_url, is_public
from snowmelt.webhooks.pauses import Pauses
from snowmelt.webhooks.signature import signed_headers

QUICK = WebhookSettings(allow_private=True, first_pause_seconds=0.02, longest_pause_hours=0.1 / 3600)
TARGET = ("domain_userid", "5de568e2-2b3c-41e1-a207-b2093896d274")


def delivery(name: str = "discount", number: int | None = None) -> Delivery:
    new = uuid4() if number is None else UUID(int=number)
    return Delivery(new, (TARGET, ("user_id", "ann")), payload(str(new), name, 1, {"shop:views": 4}))


@asynccontextmanager
async def running(webhooks: Webhooks, outbox: Outbox, settings: WebhookSettings = QUICK) -> AsyncIterator[Courier]:
    stop = asyncio.Event()
    async with Sender(settings.allow_private) as sender:
        courier = Courier(webhooks, outbox, sender, settings)
        work = asyncio.create_task(courier.run(stop))
        yield courier
        stop.set()
        await work


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.005)


@pytest.fixture
def webhooks(tmp_path: Path) -> Any:
    opened = Webhooks(tmp_path / "webhooks.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def shell(tmp_path: Path) -> Any:
    """What another process has open; a process is not told of its own changes."""
    opened = Webhooks(tmp_path / "webhooks.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Any:
    opened = Outbox(tmp_path / "outbox", 2**24)
    yield opened
    opened.close()


def test_a_message_says_what_was_sent_and_is_signed(webhooks: Webhooks, outbox: Outbox) -> None:
    outbox.append([delivery("earlier")])
    with Receiver() as receiver:
        endpoint = webhooks.add("crm", receiver.url)
        receiver.secret = endpoint.secret
        sent = delivery()

        async def work() -> None:
            async with running(webhooks, outbox):
                outbox.append([sent])
                await until(lambda: receiver.taken, "it is taken")
                await until(lambda: webhooks.counts()[0].delivered, "it is done")

        asyncio.run(work())
        assert not receiver.refused
        assert set(receiver.taken) == {str(sent.id)}, "what was sent before the webhook was there is not"
        message = receiver.taken[str(sent.id)]
        assert message["type"] == "intervention"
        assert message["data"] == {
            "intervention_id": str(sent.id),
            "name": "discount",
            "version": 1,
            "attributes": {"shop:views": "4"},
            "target_attribute_keys": [{"name": TARGET[0], "id": TARGET[1]}, {"name": "user_id", "id": "ann"}],
        }
    counts = webhooks.counts()[0]
    assert (counts.delivered, counts.retried, counts.dead, counts.waiting) == (1, 0, 0, 0)


def test_the_reference_library_refuses_another_secret_and_another_body() -> None:
    secret, body = new_secret(), b'{"a":1}'
    headers = signed_headers(secret, "id", int(time.time()), body)
    assert Webhook(secret).verify(body, headers) == {"a": 1}
    for other, changed in ((new_secret(), body), (secret, b'{"a":2}')):
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(other).verify(changed, headers)
    old = signed_headers(secret, "id", int(time.time()) - 3600, body)
    with pytest.raises(Exception, match="too old"):
        Webhook(secret).verify(body, old)


def test_failures_are_sent_again_until_the_endpoint_takes_them(webhooks: Webhooks, outbox: Outbox) -> None:
    statuses = {1: 500, 2: 302, 3: 404, 4: 429}

    def answering(count: int, message: dict[str, Any]) -> tuple[int, dict[str, str]]:
        return statuses.get(count, 200), {"location": "http://127.0.0.1:1/"} if count == 2 else {}

    with Receiver(answering=answering) as receiver:
        receiver.secret = webhooks.add("crm", receiver.url).secret
        sent = [delivery() for _ in range(3)]

        async def work() -> None:
            async with running(webhooks, outbox):
                outbox.append(sent)
                await until(lambda: webhooks.counts()[0].delivered == 3, "all are done")

        asyncio.run(work())
        assert receiver.counts == {str(one.id): 5 for one in sent}
        assert webhooks.counts()[0].retried == 12


def test_retry_after_is_heeded(webhooks: Webhooks, outbox: Outbox) -> None:
    times: list[float] = []

    def answering(count: int, message: dict[str, Any]) -> tuple[int, dict[str, str]]:
        times.append(time.monotonic())
        return (503, {"Retry-After": "1"}) if count == 1 else (200, {})

    with Receiver(answering=answering) as receiver:
        receiver.secret = webhooks.add("crm", receiver.url).secret

        async def work() -> None:
            async with running(webhooks, outbox):
                outbox.append([delivery()])
                await until(lambda: webhooks.counts()[0].delivered, "it is done")

        asyncio.run(work())
    assert len(times) == 2 and times[1] - times[0] >= 0.95


def test_an_endpoint_that_says_gone_is_disabled_and_can_be_enabled(
    webhooks: Webhooks, shell: Webhooks, outbox: Outbox
) -> None:
    status = 410
    with Receiver(answering=lambda count, message: (status, {})) as receiver:
        receiver.secret = webhooks.add("crm", receiver.url).secret

        async def work() -> None:
            nonlocal status
            async with running(webhooks, outbox):
                outbox.append([delivery(number=1)])
                await until(lambda: webhooks.counts()[0].dead == 1, "it is given up")
                outbox.append([delivery(number=2)])
                await until(lambda: WebhookQueue(webhooks).place() == outbox.head(), "the outbox is read")
                status = 200
                assert shell.enable("crm")
                outbox.append([delivery(number=3)])
                await until(lambda: str(UUID(int=3)) in receiver.taken, "it gets what is new")

        asyncio.run(work())
        assert receiver.calls == [str(UUID(int=1)), str(UUID(int=3))]
        ((name, dead),) = WebhookQueue(webhooks).dead()
        assert (name, dead.id) == ("crm", str(UUID(int=1))) and "410" in dead.reason


def test_a_dead_and_a_slow_endpoint_hold_no_other(webhooks: Webhooks, outbox: Outbox) -> None:
    holding = threading.Event()

    def slow(count: int, message: dict[str, Any]) -> tuple[int, dict[str, str]]:
        holding.wait(30)
        return 200, {}

    with socket.socket() as closed, Receiver() as healthy, Receiver(answering=slow) as stuck:
        closed.bind(("127.0.0.1", 0))
        webhooks.add("dead", f"http://127.0.0.1:{closed.getsockname()[1]}/")
        stuck.secret = webhooks.add("slow", stuck.url, timeout=0.3).secret
        healthy.secret = webhooks.add("healthy", healthy.url).secret
        webhooks.add("picky", healthy.url, interventions=("other",), secret=healthy.secret)
        sent = [delivery() for _ in range(200)]

        async def work() -> None:
            async with running(webhooks, outbox):
                started = time.monotonic()
                outbox.append(sent)
                await until(lambda: webhooks.counts()[2].delivered == 200, "the healthy one has all")
                assert time.monotonic() - started < 10
                await until(lambda: webhooks.counts()[1].retried, "the slow one is tried again")
                holding.set()

        asyncio.run(work())
        assert set(healthy.counts.values()) == {1}
    dead, late, well, picky = webhooks.counts()
    assert (dead.delivered, dead.waiting) == (0, 200) and dead.retried < 50, "nobody hammers a dead endpoint"
    assert late.retried and late.waiting + late.delivered == 200
    assert (well.delivered, well.waiting, picky.waiting, picky.delivered) == (200, 0, 0, 0)


def test_what_fails_too_long_is_given_up_and_can_be_replayed(
    webhooks: Webhooks, shell: Webhooks, outbox: Outbox
) -> None:
    status = 500
    with Receiver(answering=lambda count, message: (status, {})) as receiver:
        receiver.secret = webhooks.add("crm", receiver.url).secret
        sent = [delivery() for _ in range(5)]

        async def work() -> None:
            nonlocal status
            async with running(webhooks, outbox, QUICK.model_copy(update={"give_up_hours": 0.3 / 3600})):
                outbox.append(sent)
                await until(lambda: webhooks.counts()[0].dead == 5, "all are given up")
                status = 200
                number = WebhookQueue(shell).dead()[0][1].number
                assert WebhookQueue(shell).replay(number) and not WebhookQueue(shell).replay(number)
                await until(lambda: receiver.taken, "the replayed one is taken")
                await until(lambda: webhooks.counts()[0].delivered, "it is done")

        asyncio.run(work())
        assert len(receiver.taken) == 1
    dead = WebhookQueue(webhooks).dead("crm")
    assert len(dead) == 4 and {one.reason for _, one in dead} == {"answered 500"}
    assert json.loads(dead[0][1].body)["data"]["name"] == "discount"
    assert WebhookQueue(webhooks).get_dead(dead[-1][1].number) == dead[-1]
    assert WebhookQueue(webhooks).dead("nobody") == []


def test_more_than_may_wait_is_given_up_at_once(webhooks: Webhooks) -> None:
    webhooks.add("crm", "https://example.com/")
    queue = WebhookQueue(webhooks, max_waiting=3)
    place = queue.place() + (1 << 40)
    sent = [delivery()._replace(place=place + number) for number in range(5)]
    assert queue.take(sent, webhooks.endpoints()) == {1}
    counts = webhooks.counts()[0]
    assert (counts.waiting, counts.dead, counts.dead_now) == (3, 2, 2)
    assert queue.place() == place + 4
    queue.take(sent, webhooks.endpoints())
    assert webhooks.counts()[0] == counts, "the same again is known"


def test_the_outbox_keeps_what_the_sender_has_not_taken(tmp_path: Path) -> None:
    now = 1_000_000_000_000
    outbox = Outbox(tmp_path / "outbox", 2**24, keep_ms=1_000, clock=lambda: now)
    first = outbox.append([delivery(number=1)])
    second = outbox.append([delivery(number=2)])
    outbox.hold(first)
    now += 60_000
    outbox.append([delivery(number=3)])
    assert [one.id.int for one in outbox.read(0)] == [2, 3]
    outbox.hold(second)
    now += 60_000
    outbox.append([delivery(number=4)])
    assert [one.id.int for one in outbox.read(0)] == [3, 4]
    now += 86_400_000
    outbox.append([delivery(number=5)])
    assert [one.id.int for one in outbox.read(0)] == [4, 5] or [one.id.int for one in outbox.read(0)] == [5]
    outbox.close()


def test_secrets_are_private(webhooks: Webhooks, tmp_path: Path) -> None:
    endpoint = webhooks.add("crm", "https://example.com/")
    assert endpoint.secret not in repr(endpoint) and endpoint.secret not in f"{[endpoint]}"
    assert (tmp_path / "webhooks.sqlite").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreError, match="already"):
        webhooks.add("crm", "https://example.com/")
    for bad in ("whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_YQ=="):
        with pytest.raises(StoreError, match="no secret"):
            webhooks.add("other", "https://example.com/", secret=bad)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ForbiddenUrl, match="allow_private"):
        check_url(f"https://{host}/", allow_private=False)


def test_public_addresses() -> None:
    assert all(is_public(ipaddress.ip_address(one)) for one in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"))


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://example.com/", "https://", "x", "https://u:p@example.com/", "https://a b/",
            "https://example.com:99999/", "file:///etc/passwd"],
)  # fmt: skip
def test_urls_that_nothing_is_posted_to(url: str) -> None:
    with pytest.raises(ForbiddenUrl):
        check_url(url, allow_private=False)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1"])
def test_no_name_leads_to_this_machine(host: str) -> None:
    """The name is judged by the address that is connected to, not by its text."""
    with Receiver() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        endpoint = Endpoint(1, "x", f"https://{host}:{port}/", new_secret())

        async def work() -> str:
            async with Sender(allow_private=False) as sender:
                return (await sender.send(endpoint, "1", b"{}")).reason

        assert "no public address" in asyncio.run(work())
        assert not receiver.calls and not receiver.refused


def test_an_endless_answer_is_cut_off() -> None:
    """Neither a long answer nor one that never ends holds the sender."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    try:
                        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
                        if long:
                            while True:
                                connection.sendall(b"x" * 65536)
                        while connection.recv(65536):
                            pass
                    except OSError:
                        pass

        long = True
        thread = threading.Thread(target=answer)
        thread.start()
        endpoint = Endpoint(1, "x", f"http://127.0.0.1:{listener.getsockname()[1]}/", new_secret(), timeout=0.5)

        async def send() -> Any:
            async with Sender(allow_private=True) as sender:
                return await sender.send(endpoint, "1", b"{}")

        assert asyncio.run(send()).taken
        long = False
        outcome = asyncio.run(send())
        assert not outcome.taken and outcome.reason == "no answer in 0.5 s"
        thread.join(10)


def test_pauses_grow_differ_and_end() -> None:
    pauses = Pauses(WebhookSettings())
    for failures, least, most in ((1, 4, 6), (2, 12, 18), (3, 36, 54), (50, 8640, 12960)):
        drawn = {pauses.of_message(failures) for _ in range(20)}
        assert len(drawn) > 1 and all(least <= one <= most for one in drawn)
    assert pauses.of_message(1, asked=500) == 500
    assert pauses.of_message(1, asked=1e9) == 86_400
    assert pauses.of_endpoint(50) <= 72
