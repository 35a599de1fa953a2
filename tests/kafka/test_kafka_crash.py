"""Servers that read Kafka, and brokers, are killed in mid-stream: no event is lost or counted twice.

Events are not recognised by their ids here (`engine.duplicate_hours = 0`): what is counted once was read once.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from conftest import Server, eventually
from kafka.broker import Broker
from kafka.reading import SESSION
from snowmelt import AtomicProperty, Attribute, AttributeKey, StreamAttributeGroup
from snowmelt.events import tsv

pytestmark = [pytest.mark.process, pytest.mark.crash]

USERS = 20
SETTINGS = """
[engine]
duplicate_hours = 0

[[sources]]
name = "main"
brokers = "{broker}"
topic = "{topic}"
group = "{topic}"
properties = {properties}
"""
GROUP = StreamAttributeGroup(
    name="read",
    owner="you@example.com",
    attribute_key=AttributeKey(name="user_id"),
    attributes=[
        Attribute(name="events", type="int64", aggregation="counter"),
        Attribute(name="total", type="int64", aggregation="sum", property=AtomicProperty(name="txn_id")),
    ],
)


class Stream(threading.Thread):
    """Produces events until told to stop, through whatever happens to the broker, and keeps the truth.

    The n-th event is of one of the users, and its number is its ``txn_id``: so sums tell which events were counted.
    """

    def __init__(self, broker: Broker, topic: str) -> None:
        super().__init__()
        self._topic = topic
        self._producer = Producer(
            {"bootstrap.servers": broker.address, "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
        )
        self.stopping = threading.Event()
        self.sent = 0

    def run(self) -> None:
        while not self.stopping.wait(0.01):
            for _ in range(20):
                user = f"u{self.sent % USERS}"
                line = tsv.encode({"user_id": user, "txn_id": self.sent, "event": "page_view"})
                self._producer.produce(self._topic, line.encode(), partition=self.sent * 7 % 3)
                self.sent += 1
            self._producer.poll(0)
        assert self._producer.flush(30) == 0

    def truth(self) -> dict[str, tuple[int, int]]:
        """Events and total of each user."""
        counts, totals = Counter[str](), Counter[str]()
        for number in range(self.sent):
            counts[f"u{number % USERS}"] += 1
            totals[f"u{number % USERS}"] += number
        return {user: (counts[user], totals[user]) for user in counts}


@pytest.fixture
def stream(broker: Broker, topic: str) -> Iterator[Stream]:
    """Events that keep coming, to be started."""
    made = Stream(broker, topic)
    yield made
    made.stopping.set()
    if made.is_alive():
        made.join()


@pytest.fixture
def make_server(tmp_path: Path, broker: Broker, topic: str) -> Iterator[Callable[[str], Server]]:
    """Starts servers, by name, that read the topic in one group and have the definition published."""
    made: list[Server] = []

    def make(name: str) -> Server:
        folder = tmp_path / name
        folder.mkdir()
        properties = ", ".join(f'"{key}" = {value}' for key, value in SESSION.items())
        (folder / "snowmelt.toml").write_text(
            SETTINGS.format(broker=broker.address, topic=topic, properties=f"{{{properties}}}")
        )
        made.append(Server(folder))
        made[-1].signals.publish([GROUP])
        return made[-1]

    yield make
    for server in made:
        server.close()


def _process(server: Server, module: str) -> int:
    """The process of a server that runs a module."""
    [found] = [pid for pid in server.processes() if module in Path(f"/proc/{pid}/cmdline").read_text()]
    return found


def _counted(*servers: Server) -> int:
    """How many events the profiles of some servers include, as far as their metrics tell."""
    return sum(int(server.metric("snowmelt_engine_events_total")) for server in servers)


def _read(*servers: Server) -> dict[str, tuple[int, int]]:
    """Events and total of each user, over all servers."""
    found: dict[str, tuple[int, int]] = {}
    for number in range(USERS):
        rows: list[Any] = [server.profile(GROUP, f"u{number}") for server in servers]
        found[f"u{number}"] = (sum(row["events"] or 0 for row in rows), sum(row["total"] or 0 for row in rows))
    return found


def _reads_everything(server: Server) -> None:
    """Wait until a server has all partitions, and goes on."""
    eventually(lambda: server.metrics("snowmelt_source_assigned") == [1, 1, 1], "all partitions have moved", 30)
    _goes_on(server)


def _goes_on(server: Server) -> None:
    """Wait until a server has counted some more events."""
    before = _counted(server)
    eventually(lambda: _counted(server) > before + 200, "events are counted", 30)


def test_readers_engines_brokers_and_servers_die_and_partitions_move(
    broker: Broker, stream: Stream, make_server: Callable[[str], Server]
) -> None:
    first, second = make_server("a"), make_server("b")
    stream.start()
    _goes_on(first)
    _goes_on(second)
    for server, victim in ((first, "source_process"), (second, "engine_process")):
        os.kill(_process(server, victim), signal.SIGKILL)
        _goes_on(server)
    broker.kill()
    broker.start()
    _goes_on(first)
    _goes_on(second)
    # It does not notice that the group gives it up, and goes on with what it has read.
    frozen = _process(second, "source_process")
    os.kill(frozen, signal.SIGSTOP)
    _reads_everything(first)
    os.kill(frozen, signal.SIGCONT)
    _goes_on(second)
    first.kill()
    _reads_everything(second)
    first.start()
    _goes_on(first)
    stream.stopping.set()
    stream.join()
    eventually(lambda: _counted(first, second) >= stream.sent, "everything is counted", 30)
    assert _read(first, second) == stream.truth()
    assert (
        sum(map(sum, (server.metrics("snowmelt_source_messages_total") for server in (first, second)))) == stream.sent
    )
    lags = [lag for server in (first, second) for lag in server.metrics("snowmelt_source_lag")]
    assert lags == [0, 0, 0]  # of each partition where it is read
