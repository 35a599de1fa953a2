"""Pushing and streaming, past the network: validation, statuses, limits, what is told to whom."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from snowmelt import InterventionInstance
from snowmelt.api.deliveries import Deliveries
from snowmelt.api.event_stream import event, greeting, heartbeat, place_of
from snowmelt.api.hub import Hub
from snowmelt.api.subscription_passes import Passes
from snowmelt.definitions.wire import payload
from snowmelt.sdk.event_stream import EventStreamParser
from snowmelt.settings import InterventionSettings
from snowmelt.stores.errors import StoreFullError
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import Delivery, Outbox

ANN, BOB = "218e8926-3858-431d-b2ed-66da03a1cbe5", "8C9104E3-C300-4B20-82F2-93B7FA0B8FEB"
KEYS = frozenset({"domain_userid", "domain_sessionid", "user_id"})
PASSES = Passes(b"s" * 32, "an-organization", lambda: 1_000_000.0)
BODY = {"name": "outage", "version": 1}


class Subscriber:
    """Calls the app as a server does, and reads what it sends."""

    def __init__(self, app: Any, query: str, **headers: str) -> None:
        self.sent: list[Any] = []
        self.stalled = False
        self._app = app
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v1/interventions",
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        self._gone = asyncio.Event()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> "Subscriber":
        self.task = asyncio.create_task(self._app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(self, *error: object) -> None:
        self._gone.set()
        await self.task

    async def _receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        while self.stalled:
            await asyncio.sleep(0.001)
        self.sent.append(message)
        self._changed.set()
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._gone.set()

    async def has(self, condition: Callable[["Subscriber"], object]) -> None:
        async with asyncio.timeout(10):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    @property
    def status(self) -> int:
        return self.sent[0]["status"] if self.sent else 0

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    @property
    def parser(self) -> EventStreamParser:
        parser = EventStreamParser()
        self._events = list(parser.feed(self.text.encode()))
        return parser

    @property
    def names(self) -> list[str]:
        parser = EventStreamParser()
        return [json.loads(one.data)["name"] for one in parser.feed(self.text.encode())]


@pytest.fixture
def door(outbox: Outbox, mailboxes: Mailboxes) -> Callable[..., Any]:
    """An app of its own, as another web process has it, with some settings."""

    @asynccontextmanager
    async def make(**settings: Any) -> AsyncIterator[Deliveries]:
        hub = Hub(outbox, mailboxes)
        app = Deliveries(hub, lambda: KEYS, InterventionSettings(**settings), PASSES, lambda scope: False)
        try:
            yield app
        finally:
            app.end_streams()
            app.close()

    return make


def delivery(name: str, *targets: tuple[str, str]) -> Delivery:
    new = uuid4()
    return Delivery(new, targets or (("user_id", ANN),), payload(str(new), name, 1, {}))


async def pushed(app: Deliveries, name: str, *targets: tuple[str, str]) -> bool:
    one = delivery(name, *targets)
    return await app.hub.announce([one.id], app.hub.outbox.append([one]))


def test_a_push_without_subscribers_is_undelivered(client: Any) -> None:
    assert client.post(f"interventions?domain_userid={ANN}", json=BODY).json() == {"status": "undelivered"}
    assert client.post(f"interventions/?domain_userid={ANN}", json=BODY).status_code == 200


def test_a_push_to_what_can_be_guessed_is_undelivered_and_not_kept(client: Any, outbox: Outbox) -> None:
    assert client.post("interventions?user_id=ann", json=BODY).json() == {"status": "undelivered"}
    assert outbox.head() == 0
    client.post(f"interventions?user_id=ann&user_id={BOB}", json=BODY)
    assert [one.targets for one in outbox.read(0)] == [(("user_id", BOB),)]


def test_a_push_that_cannot_be_kept_is_a_failure(client: Any, outbox: Outbox, monkeypatch: Any) -> None:
    def full(_: object) -> int:
        raise StoreFullError("the outbox is full")

    monkeypatch.setattr(outbox, "append", full)
    with capture_logs() as logs:
        answer = client.post(f"interventions?domain_userid={ANN}", json=BODY)
    assert (answer.status_code, answer.json()) == (200, {"status": "failure"})
    assert [entry["event"] for entry in logs] == ["intervention_not_kept"]


def test_what_is_kept_has_an_id_of_the_server_and_texts(client: Any, outbox: Outbox) -> None:
    values = {
        "shop:text": "shoes",
        "shop:number": 250.5,
        "shop:flag": True,
        "shop:list": ["a", 1],
        "shop:nothing": None,
    }
    body = BODY | {"attributes": values, "intervention_id": "mine", "target_attribute_key": {"name": "x", "id": "y"}}
    client.post(f"interventions?domain_userid={ANN}&domain_userid={ANN}&user_id={BOB}", json=body | {"new": 1})
    (kept,) = outbox.read(0)
    assert kept.targets == (("domain_userid", ANN), ("user_id", BOB))
    assert json.loads(kept.payload) == {
        "intervention_id": str(kept.id),
        "name": "outage",
        "version": 1,
        "attributes": {
            "shop:text": "shoes",
            "shop:number": "250.5",
            "shop:flag": "true",
            "shop:list": '["a",1]',
        },
    }


@pytest.mark.parametrize(
    ("query", "body", "told"),
    [
        ("", BODY, "No targets"),
        ("domain_userid=", BODY, "empty or longer"),
        (f"user_id={'x' * 513}", BODY, "empty or longer"),
        ("nobody=1&user=2", BODY, "no attribute key 'nobody'; there is no attribute key 'user'"),
        ("&".join(f"user_id={n}" for n in range(1001)), BODY, "Too many identifiers: 1001, at most 1000"),
        ("user_id=%ff", BODY, "percent-encoded"),
        ("user_id=x", [], "not an intervention"),
        ("user_id=x", {"version": 1}, "not an intervention"),
        ("user_id=x", {"name": "x"}, "not an intervention"),
        ("user_id=x", {"name": "", "version": 0, "attributes": {"": 1}}, "0 characters.*version.*''"),
        ("user_id=x", BODY | {"attributes": 3}, "not an intervention"),
    ],
)
def test_what_is_wrong_with_a_push_is_told(client: Any, query: str, body: Any, told: str) -> None:
    answer = client.post(f"interventions?{query}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["detail"]
    assert re.search(told, answer.json()["error"])


def test_bodies_that_are_no_json_or_too_long(client: Any) -> None:
    assert client.post("interventions?user_id=x", content=b"{").status_code == 400
    assert client.post("interventions?user_id=x", content=b"[" * 100_000).status_code == 400
    assert client.post("interventions?user_id=x", content=b" " * 300_000).status_code == 413
    assert client.put("interventions?user_id=x", json=BODY).status_code == 405


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "No targets"),
        ("user_id=ann", "no UUID"),
        (f"user_id={ANN}&domain_userid={ANN[:-1]}", "no UUID"),
        (f"user_id={ANN}%0a", "no UUID"),
        (f"user_id={{{ANN}}}", "no UUID"),
        (f"user_id={ANN.replace('-', '')}", "no UUID"),
        (f"user_id[]={ANN}", "no attribute key"),
        (f"user_id={ANN},{BOB}", "no UUID"),
        ("&".join(f"user_id={UUID(int=n)}" for n in range(11)), "Too many identifiers of user_id: 11, at most 10"),
        (f"last_event_id=1&nobody={ANN}", "no attribute key 'nobody'"),
    ],
)
def test_who_cannot_be_subscribed_to_is_told(stranger: Any, query: str, told: str) -> None:
    answer = stranger.get(f"interventions?{query}")
    assert answer.status_code == 400
    assert told in answer.json()["error"] and answer.json()["error"] == answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_limits_are_settings(door: Any) -> None:
    async def run() -> None:
        async with door(identifiers_per_key=1, identifiers=1, any_identifier=True, max_streams=1) as app:
            for query, told in (("user_id=a&user_id=b", "at most 1"), ("user_id=a&domain_userid=a", "at most 1")):
                async with Subscriber(app, query) as refused:
                    await refused.has(lambda it, told=told: told in it.text)
                assert refused.status == 400
            async with Subscriber(app, "user_id=ann") as ann:
                await ann.has(lambda it: it.parser.last_event_id)
                async with Subscriber(app, "user_id=bob") as late:
                    await late.has(lambda it: it.text)
                assert late.status == 503
                assert (b"retry-after", b"5") in late.sent[0]["headers"]
                assert await pushed(app, "hello", ("user_id", "ann"))
                await ann.has(lambda it: it.names == ["hello"])
            async with Subscriber(app, "user_id=bob") as again:
                await again.has(lambda it: it.status == 200)

    asyncio.run(run())


def test_the_first_bytes(door: Any) -> None:
    async def run() -> None:
        async with door() as app, Subscriber(app, f"user_id={ANN}") as ann:
            await ann.has(lambda it: it.parser.last_event_id)
            assert ann.sent[0]["status"] == 200
            headers = dict(ann.sent[0]["headers"])
            assert headers[b"content-type"] == b"text/event-stream"
            assert headers[b"cache-control"] == b"no-cache"
            assert headers[b"access-control-allow-origin"] == b"*"
            assert ann.text.startswith(": connected\n\nretry: ")
            assert ann.text.endswith("\nid: 0000000000000000\n\n")

    asyncio.run(run())


def test_a_stream_of_two_targets_gets_each_once_and_other_streams_get_their_own(door: Any) -> None:
    async def run() -> None:
        async with (
            door() as app,
            Subscriber(app, f"user_id={ANN}&domain_userid={BOB}") as both,
            Subscriber(app, f"domain_userid={BOB}") as bob,
            Subscriber(app, f"domain_sessionid={ANN}") as stranger,
        ):
            for one in (both, bob, stranger):
                await one.has(lambda it: it.parser.last_event_id)
            assert await pushed(app, "a", ("user_id", ANN), ("domain_userid", BOB))
            assert await pushed(app, "b", ("domain_userid", BOB))
            assert not await pushed(app, "c", ("user_id", BOB))
            await both.has(lambda it: len(it.names) == 2)
            await bob.has(lambda it: len(it.names) == 2)
            assert both.names == bob.names == ["a", "b"]
            assert both.text.count('"target_attribute_key":{"name":"user_id"') == 1
            assert stranger.names == []

    asyncio.run(run())


def test_a_push_that_a_stream_found_by_itself_is_a_success_too(door: Any) -> None:
    """A heartbeat may make the stream look into the outbox between the append and the news of it."""

    async def run() -> None:
        async with door(heartbeat_seconds=0.02) as app, Subscriber(app, f"user_id={ANN}") as ann:
            await ann.has(lambda it: it.parser.last_event_id)
            one = delivery("found")
            place = app.hub.outbox.append([one])
            await ann.has(lambda it: it.names == ["found"])
            assert app.hub.seen < place
            assert await app.hub.announce([one.id], place)

    asyncio.run(run())


def test_coming_back_gives_what_was_missed_and_nothing_twice(door: Any) -> None:
    async def run() -> None:
        query = f"user_id={ANN}"
        async with door() as app:
            await pushed(app, "before")
            async with Subscriber(app, query) as first:
                await first.has(lambda it: it.parser.last_event_id)
                await pushed(app, "a")
                await first.has(lambda it: it.names)
            assert first.names == ["a"], "what was sent before nobody asked for"
            await pushed(app, "b")
            await pushed(app, "other", ("user_id", BOB))
            await pushed(app, "c")
            last = str(first.parser.last_event_id)
            async with Subscriber(app, query, last_event_id=last) as by_header:
                await by_header.has(lambda it: len(it.names) == 2)
            async with Subscriber(app, f"{query}&last_event_id={last}") as by_query:
                await by_query.has(lambda it: len(it.names) == 2)
            newer = str(by_header.parser.last_event_id)
            async with Subscriber(app, f"{query}&last_event_id={last}", last_event_id=newer) as browser:
                await browser.has(lambda it: it.parser.last_event_id)
                await pushed(app, "d")
                await browser.has(lambda it: it.names)
            async with Subscriber(app, query, last_event_id="what is that") as unknown:
                await unknown.has(lambda it: it.parser.last_event_id)
            assert (by_header.names, by_query.names, browser.names, unknown.names) == (
                ["b", "c"],
                ["b", "c"],
                ["d"],
                [],
            )

    asyncio.run(run())


def test_more_than_a_page_comes_in_order(door: Any, outbox: Outbox) -> None:
    async def run() -> None:
        sent = [str(number) for number in range(250)]
        outbox.append([delivery(name) for name in sent])
        async with door() as app, Subscriber(app, f"user_id={ANN}", last_event_id="0" * 16) as ann:
            await ann.has(lambda it: len(it.names) >= 250)
            assert ann.names == sent

    asyncio.run(run())


def test_heartbeats_move_the_id_of_a_stream_that_gets_nothing(door: Any) -> None:
    async def run() -> None:
        async with door(heartbeat_seconds=0.02) as app, Subscriber(app, f"user_id={ANN}") as ann:
            await ann.has(lambda it: it.text.count(": keepalive\n") >= 2)
            await pushed(app, "other", ("user_id", BOB))
            await ann.has(lambda it: place_of(str(it.parser.last_event_id)) == app.hub.outbox.head())
            assert ann.names == []

    asyncio.run(run())


def test_a_subscriber_that_takes_nothing_is_cut_off_and_the_others_are_not(door: Any) -> None:
    async def run() -> None:
        async with (
            door(stall_seconds=0.1) as app,
            Subscriber(app, f"user_id={ANN}") as slow,
            Subscriber(app, f"user_id={ANN}") as quick,
        ):
            for one in (slow, quick):
                await one.has(lambda it: it.parser.last_event_id)
            slow.stalled = True
            with capture_logs() as logs:
                for name in "abc":
                    assert await pushed(app, name)
                    await quick.has(lambda it, name=name: name in it.names)
                async with asyncio.timeout(10):
                    await slow.task
            assert quick.names == ["a", "b", "c"]
            assert app.hub.cut == 1 and len(app.hub) == 1
            assert [entry["event"] for entry in logs] == ["subscriber_cut_off"]
            last = str(slow.parser.last_event_id)
            async with Subscriber(app, f"user_id={ANN}", last_event_id=last) as again:
                await again.has(lambda it: len(it.names) == 3)

    asyncio.run(run())


def test_ending_gives_what_is_there_and_sends_everybody_back(door: Any) -> None:
    async def run() -> None:
        async with door() as app, Subscriber(app, f"user_id={ANN}") as ann:
            await ann.has(lambda it: it.parser.last_event_id)
            app.hub.outbox.append([delivery("last")])
            app.end_streams()
            await ann.task
            assert ann.names == ["last"] and not ann.sent[-1]["more_body"]
            async with Subscriber(app, f"user_id={ANN}") as late:
                await late.task
            assert late.status == 200 and late.parser.retry is not None
            assert len(app.hub) == 0

    asyncio.run(run())


def test_two_processes_tell_each_other(door: Any, mailboxes: Mailboxes, monkeypatch: Any) -> None:
    """Two hubs over one outbox, each with a mailbox of its own, as two web processes have them."""
    numbers = iter((11, 12))
    monkeypatch.setattr("snowmelt.api.hub.os.getpid", lambda: next(numbers))

    async def run() -> None:
        async with door() as here, door() as there:
            here.open()
            there.open()
            async with Subscriber(there, f"user_id={ANN}") as ann:
                await ann.has(lambda it: it.parser.last_event_id)
                assert await pushed(here, "a"), "the other process had a subscriber"
                await ann.has(lambda it: it.names == ["a"])
                assert not await pushed(here, "b", ("user_id", BOB))
                assert await pushed(there, "c")
                async with Subscriber(here, f"user_id={BOB}") as bob:
                    await bob.has(lambda it: it.parser.last_event_id)
                    assert await pushed(here, "d", ("user_id", BOB), ("user_id", ANN))
                    await bob.has(lambda it: it.names == ["d"])
                    await ann.has(lambda it: it.names == ["a", "c", "d"])

    asyncio.run(run())


def test_a_process_that_does_not_answer_holds_nobody_up_for_long(door: Any, mailboxes: Mailboxes) -> None:
    async def run() -> None:
        silent = mailboxes.own(99)
        async with door() as app:
            app.open()
            async with asyncio.timeout(5):
                assert not await pushed(app, "a")
        silent.close()

    asyncio.run(run())


def test_what_was_appended_without_news_is_found_all_the_same(door: Any, outbox: Outbox) -> None:
    async def run() -> None:
        async with door() as app, Subscriber(app, f"user_id={ANN}") as ann:
            app.open()
            await ann.has(lambda it: it.parser.last_event_id)
            outbox.append([delivery("quiet")])
            await ann.has(lambda it: it.names == ["quiet"])

    asyncio.run(run())


def test_an_outbox_that_cannot_be_read_ends_the_stream_and_is_logged(
    door: Any, outbox: Outbox, monkeypatch: Any
) -> None:
    async def run() -> None:
        async with door() as app, Subscriber(app, f"user_id={ANN}") as ann:
            await ann.has(lambda it: it.parser.last_event_id)
            monkeypatch.setattr(outbox, "since", lambda *_: 1 / 0)
            with capture_logs() as logs:
                await pushed(app, "a")
                await ann.task
            assert [entry["event"] for entry in logs] == ["stream_failed"]
            assert len(app.hub) == 0

    asyncio.run(run())


TEXT = st.text(max_size=30)


@given(
    name=st.text(min_size=1, max_size=20),
    version=st.integers(1, 2**31),
    attributes=st.dictionaries(TEXT, TEXT | st.none() | st.integers() | st.booleans() | st.lists(TEXT, max_size=3)),
    key=TEXT,
    identifier=TEXT,
    place=st.integers(0, 2**64 - 1),
)
def test_an_event_is_read_as_it_was_written(
    name: str, version: int, attributes: dict[str, Any], key: str, identifier: str, place: int
) -> None:
    """By a reader of the standard, and by one that splits at every kind of line end and wants the space."""
    new = uuid4()
    one = Delivery(new, ((key, identifier),), payload(str(new), name, version, attributes), place)
    text = event(one, (key, identifier))
    assert text.isascii()
    parser = EventStreamParser()
    (read,) = parser.feed(greeting(0) + heartbeat(1) + text)
    assert place_of(str(parser.last_event_id)) == place
    (line,) = [line for line in text.decode().splitlines() if line.startswith("data: ")]
    assert read.data == line.removeprefix("data: ")
    intervention = InterventionInstance.model_validate_json(read.data)
    assert (intervention.name, intervention.version) == (name, version)
    assert UUID(intervention.intervention_id) == new
    assert intervention.target_attribute_key is not None
    assert (intervention.target_attribute_key.name, intervention.target_attribute_key.id) == (key, identifier)
    assert intervention.attributes is not None
    assert set(intervention.attributes) == {name for name, value in attributes.items() if value is not None}
    for attribute, text_value in intervention.attributes.items():
        expected = attributes[attribute]
        with suppress(TypeError):
            assert text_value == expected if isinstance(expected, str) else json.loads(text_value) == expected
