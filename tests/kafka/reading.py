"""A data folder that reads a topic within the test's own process, and can die at chosen moments."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from kafka.broker import Broker
from snowmelt.connectors.kafka_positions import PROGRESS, Progress, decode_progress
from snowmelt.connectors.kafka_source import KafkaReader
from snowmelt.events import tsv
from snowmelt.settings_connectors import KafkaSource
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog, Kind

# A member that died is put out of its group after this, and its partitions go to others.
SESSION = {"session.timeout.ms": 1000, "heartbeat.interval.ms": 200}


class Died(BaseException):
    """Stands for the death of the process: nothing catches it."""


class Store:
    """The event log of one server of the group."""

    def __init__(self, folder: Path, broker: Broker, topic: str, settings: dict[str, Any]) -> None:
        folder.mkdir()
        self.log, self.bell = EventLog(folder / "log"), Bell(folder / "bell")
        # A group of its own: members of other tests that were not given up yet would hold it up.
        usual = {"name": "main", "brokers": broker.address, "topic": topic, "group": topic, "properties": SESSION}
        self.settings = KafkaSource.model_validate(usual | settings)

    def read(self, until_end: bool = True, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Read, by default to what is the end of the assigned partitions now."""
        KafkaReader(self.settings, self.log, self.bell).run(is_stopping, until_end=until_end)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read meanwhile."""
        done = threading.Event()
        thread = threading.Thread(target=self.read, args=(False, done.is_set))
        thread.start()
        yield
        done.set()
        thread.join(30)
        assert not thread.is_alive()

    def users(self) -> Counter[str]:
        """How often each user is in the log."""
        bodies = [bytes(record.body) for record in self.log.follow() if record.kind is Kind.EVENTS]
        return Counter(msgspec.json.decode(line)["user_id"] for body in bodies for line in body.split(b"\n"))

    def progress(self) -> list[Progress]:
        """Of each partition."""
        return sorted(map(decode_progress, self.log.notes(PROGRESS)), key=lambda each: each.place.partition)

    def close(self) -> None:
        self.log.close()
        self.bell.close()


def lines(first: int, count: int) -> list[bytes]:
    """Events of users ``u<first>`` and so on, each once, as TSV."""
    return [
        tsv.encode({"user_id": f"u{number}", "event": "page_view"}).encode() for number in range(first, first + count)
    ]


def users(count: int) -> Counter[str]:
    """What must be read of the first so many."""
    return Counter(f"u{number}" for number in range(count))
