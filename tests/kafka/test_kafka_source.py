"""A topic is read exactly once: by one server, by several of a group, whoever dies and whenever."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from conftest import eventually
from kafka.broker import Broker
from kafka.reading import Died, Store, lines, users
from snowmelt.connectors.errors import ConnectorError
from snowmelt.connectors.kafka_positions import STAGED, Positions
from snowmelt.connectors.kafka_session import RejoinError, Session
from snowmelt.connectors.kafka_source import KafkaReader
from snowmelt.events.unreadable import decode_unreadable
from snowmelt.stores.event_log import Kind

MakeStore = Callable[..., Store]


def test_every_message_is_read_once_and_its_offset_is_committed(broker: Broker, topic: str, store: MakeStore) -> None:
    broker.produce(topic, lines(0, 100), 3)
    store().read()
    assert store().users() == users(100)
    assert broker.committed(topic, topic, 3) == [34, 33, 33]
    broker.produce(topic, lines(100, 20), 3)
    store().read()
    assert store().users() == users(120)
    assert [(each.offset, each.messages, each.lag) for each in store().progress()] == [
        (41, 41, 0),
        (40, 40, 0),
        (39, 39, 0),
    ]
    assert store().log.notes(STAGED) == []


def test_messages_that_are_no_events_are_kept_with_their_place(broker: Broker, topic: str, store: MakeStore) -> None:
    broker.produce(topic, [b"rubbish", lines(0, 1)[0], b"", lines(1, 1)[0] + b"\n"], 1)
    store().read()
    assert store().users() == users(2)
    [kept] = [decode_unreadable(record.body) for record in store().log.follow() if record.kind is Kind.UNREADABLE]
    assert [(each.place, each.line) for each in kept] == [(f"{topic}/0@0", b"rubbish"), (f"{topic}/0@2", b"")]
    assert "131 tab-separated columns" in kept[0].reason
    assert [(each.messages, each.unreadable) for each in store().progress()] == [(4, 2), (0, 0), (0, 0)]


def test_json(broker: Broker, topic: str, store: MakeStore) -> None:
    broker.produce(topic, [b'{"user_id": "u0", "br_cookies": 1}', b'{"user_id": "u1"}'], 3)
    store(format="enriched-json").read()
    assert store().users() == users(2)


def _dies(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Whoever reads dies the next time it gets there."""

    def stage(self: Positions, batches: Any) -> None:
        whole_stage(self, batches)
        monkeypatch.undo()
        raise Died

    def apply(self: Positions, *arguments: Any) -> None:
        monkeypatch.undo()
        raise Died

    whole_stage = Positions.stage
    if where == "before the commit":
        monkeypatch.setattr(Positions, "stage", stage)
    else:
        monkeypatch.setattr(Positions, "apply", apply)


@pytest.mark.parametrize("where", ["before the commit", "after the commit"])
@pytest.mark.parametrize("who_goes_on", ["itself", "another"])
def test_whoever_dies_in_the_middle_of_a_batch(
    broker: Broker, topic: str, store: MakeStore, monkeypatch: pytest.MonkeyPatch, where: str, who_goes_on: str
) -> None:
    broker.produce(topic, lines(0, 30), 3)
    store("a").read()
    broker.produce(topic, lines(30, 30), 3)
    with pytest.raises(Died):
        _dies(monkeypatch, where)
        store("a").read()
    assert len(store("a").log.notes(STAGED)) > 0
    broker.produce(topic, lines(60, 30), 3)
    if who_goes_on == "another":
        # Once the group has given up the one that died.
        eventually(lambda: (store("b").read(), len(store("b").progress()) == 3)[1], "the other has its partitions")
        store("b").read()
        assert len(store("b").users()) > 29
    store("a").read()
    assert store("a").users() + store("b").users() == users(90)
    assert store("a").log.notes(STAGED) == []


def test_a_commit_of_which_nothing_is_heard_is_looked_up(
    broker: Broker, topic: str, store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.produce(topic, lines(0, 60), 3)
    asked: list[int] = []
    whole = Session._require_membership

    def forgets(self: Any) -> None:
        whole(self)
        asked.append(1)
        if len(asked) in (1, 3):  # once before and once after Kafka has taken the commit
            raise RejoinError("as if")

    monkeypatch.setattr(Session, "_require_membership", forgets)
    store().read()
    assert len(asked) >= 3
    assert store().users() == users(60)


def test_two_servers_share_a_topic_and_hand_over_partitions(broker: Broker, topic: str, store: MakeStore) -> None:
    with store("a").reading():
        broker.produce(topic, lines(0, 300), 3)
        eventually(lambda: sum(store("a").users().values()) > 100, "the first reads")
        with store("b").reading():
            eventually(lambda: any(each.assigned for each in store("b").progress()), "the second has a partition")
            broker.produce(topic, lines(300, 300), 3)
            eventually(lambda: store("b").users(), "the second reads")
            eventually(lambda: (store("a").users() + store("b").users()).total() >= 600, "all is read")
        broker.produce(topic, lines(600, 300), 3)
        eventually(lambda: (store("a").users() + store("b").users()).total() >= 900, "the first has all again")
    assert store("a").users() + store("b").users() == users(900)


def test_reading_waits_while_the_engine_is_behind(broker: Broker, topic: str, store: MakeStore) -> None:
    behind, looks = True, 0

    def is_behind() -> bool:
        nonlocal looks
        looks += 1
        return behind

    def is_stopping() -> bool:
        nonlocal behind
        if looks > 5 and behind:  # it has joined, and looked again and again
            assert not store().users()
            behind = False
        return store().users().total() >= 30

    broker.produce(topic, lines(0, 30), 3)
    KafkaReader(store().settings, store().log, store().bell, is_behind).run(is_stopping)
    assert store().users() == users(30)


def test_where_reading_begins(broker: Broker, topic: str, store: MakeStore) -> None:
    broker.produce(topic, lines(0, 9), 3)
    store("latest", start="latest").read()
    broker.produce(topic, lines(9, 3), 3)
    store("latest").read()
    assert sorted(store("latest").users()) == ["u10", "u11", "u9"]
    store("past", group=f"{topic}-past", start="2001-01-01T00:00:00Z").read()
    assert store("past").users() == users(12)
    store("future", group=f"{topic}-future", start="2100-01-01T00:00:00Z").read()
    assert not store("future").users()


def test_messages_that_were_deleted_unread_are_counted(broker: Broker, topic: str, store: MakeStore) -> None:
    broker.produce(topic, lines(0, 3), 3)
    store().read()
    broker.produce(topic, lines(3, 27), 3)
    broker.delete_before(topic, 0, 5)
    store().read()
    assert store().users().total() == 26
    assert [each.skipped for each in store().progress()] == [4, 0, 0]


def test_an_offset_that_an_operator_set_is_obeyed(broker: Broker, topic: str, store: MakeStore) -> None:
    broker.produce(topic, lines(0, 30), 3)
    store().read()
    broker.set_offset(topic, topic, 1, 8)
    store().read()
    assert store().users() == users(30) + Counter(["u25", "u28"])


def test_what_is_missing_is_told(broker: Broker, store: MakeStore) -> None:
    absent = store(topic="absent")
    reader = KafkaReader(absent.settings, absent.log, absent.bell)
    with pytest.raises(ConnectorError, match="absent at 127"):
        reader.run(lambda: False, insists=False)
    wrong = store("b", properties={"session.timeout.ms": "soon"})
    with pytest.raises(ConnectorError, match=r"the source `main` cannot be used as it is set up.*session.timeout.ms"):
        KafkaReader(wrong.settings, wrong.log, wrong.bell)
