"""What is remembered of events, and for how long."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from machine import page_view, request
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.events.payload import Replay, SizeViolation
from snowmelt.micro.follower import Follower
from snowmelt.micro.memory import Counts, Memory
from snowmelt.settings_schemas import MicroSettings
from snowmelt.stores.event_log import EventLog, Kind, encode_payload

encode = msgspec.msgpack.Encoder().encode


def remember(memory: Memory, *app_ids: str | None, bad: bool = False) -> None:
    for app_id in app_ids:
        event = page_view("u", **({"aid": app_id} if app_id else {}), **({"vid": "x"} if bad else {}))
        [outcome] = Enricher().enrich(request(event), 0)
        memory.add(outcome)


def test_the_newest_are_remembered_and_all_are_counted() -> None:
    memory = Memory(MicroSettings(max_events=3))
    remember(memory, *"aabbb")
    remember(memory, *"ab", bad=True)
    assert [one.app_id for one in memory.good] == ["b", "b", "b"]
    assert memory.counts() == Counts(5, 2)
    assert (memory.counts("a"), memory.counts("c")) == (Counts(2, 1), Counts())


def test_what_they_take_is_bounded() -> None:
    memory = Memory(MicroSettings(max_bytes=1024**2))
    [large] = Enricher(length_limits={}).enrich(request(page_view("u", page="x" * 100_000)), 0)
    for _ in range(30):
        memory.add(large)
    [bad] = Enricher().enrich(request(page_view("u", page="x" * 400_000)), 0)
    memory.add(bad)
    assert sum(len(one.answer) for one in (*memory.good, *memory.bad)) <= 1024**2
    assert len(memory.bad) == 1
    assert memory.good
    assert memory.counts() == Counts(30, 1)
    memory.reset()
    assert (memory.counts(), memory._bytes) == (Counts(), 0)


def test_one_application_is_forgotten_alone() -> None:
    memory = Memory(MicroSettings())
    remember(memory, "a", "b", None)
    remember(memory, "a", None, bad=True)
    memory.reset("a")
    assert ([one.app_id for one in memory.good], [one.app_id for one in memory.bad]) == (["b", None], [None])
    assert memory.counts() == Counts(2, 1)
    memory.reset("b")
    memory.reset()
    assert memory._bytes == 0


def test_made_up_applications_do_not_take_the_memory() -> None:
    memory = Memory(MicroSettings(max_events=5))
    remember(memory, *(f"app-{number}" for number in range(50)))
    assert memory.counts() == Counts(50, 0)
    assert len(memory._counts) <= 6


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with closing(EventLog(tmp_path / "log", 2**24)) as opened:
        yield opened


def test_the_log_is_followed_from_where_it_is(log: EventLog) -> None:
    def append(kind: Kind, body: bytes) -> None:
        log.append([(kind, 0, body)])

    append(Kind.PAYLOAD, encode_payload(request(page_view("before"))))
    follower = Follower(log, Enricher(), Memory(MicroSettings()))
    two = request(page_view("u", aid="a"), page_view("v", aid="b"))
    append(Kind.PAYLOAD, encode_payload(two))
    append(Kind.EVENTS, b'{"app_id": "imported"}')
    append(Kind.OVERSIZE, encode(SizeViolation(timestamp=0, maximum=1, actual=2, expectation="less", beginning="x")))
    append(Kind.REPLAY, encode(Replay(sequence=1, item=1, only=1, payload=two)))
    append(Kind.PAYLOAD, b"not a record that anybody can read")
    append(Kind.PAYLOAD, encode_payload(request(page_view("last", aid="a"))))
    with follower.caught_up() as memory:
        assert memory.counts() == Counts(4, 1)
        assert [json.loads(one.answer)["event"]["user_id"] for one in memory.good] == ["u", "v", "v", "last"]
    assert follower.reset("b") == Counts()
    with follower.caught_up() as memory:
        assert memory.counts() == Counts(2, 1)
    append(Kind.PAYLOAD, encode_payload(request(page_view("unseen"))))
    assert follower.reset(None) == Counts()
    with follower.caught_up() as memory:
        assert memory.counts() == Counts(), "what came before is forgotten even if nobody had looked at it"
