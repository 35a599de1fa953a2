"""The process of one source: reads a Kafka topic into the event log."""

import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from snowmelt.connectors.kafka_source import KafkaReader
from snowmelt.runtimes.child import STDIN, report_ready, run_child
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.settings import Settings
from snowmelt.settings_connectors import KafkaSource
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.profiles import ProfileReader

BEHIND_SECONDS = 10.0
"""How long a record of the event log may wait for the engine before reading pauses: Kafka keeps the rest, and the disk
stays free for trackers."""


def engine_is_behind(log: EventLog, position: int) -> bool:
    """Whether the record that the engine is to apply next has waited for too long.

    Args:
        log: whose record.
        position: of the engine.
    """
    with log.reading() as read:
        waiting = read(position, 1)
        return bool(waiting) and time.time() - waiting[0].time / 1000 > BEHIND_SECONDS


@contextmanager
def open_reader(
    settings: Settings,
    data: DataDir,
    source: KafkaSource,
    report: Callable[[int, int], None] = lambda messages, unreadable: None,
) -> Iterator[KafkaReader]:
    """What reads a source into a data folder, which no other process may do meanwhile.

    Args:
        settings: of the server.
        data: its folder.
        source: what is read.
        report: called after each batch with the messages that were taken and how many of them were unreadable.

    Raises:
        ConnectorError: the client library is not installed, or does not take the settings.
        StoreError: another process reads the source into this folder.
    """
    lock = ProcessLock(data.path / f"source-{source.name}.lock", f"reader of {source.name}")
    lock.acquire()
    with ExitStack() as owned:
        log = EventLog(data.log, settings.log.map_size)
        owned.callback(log.close)
        bell = Bell(data.bell)
        owned.callback(bell.close)
        is_behind: Callable[[], bool] = lambda: False  # noqa: E731
        if data.profiles.is_dir():  # without it no engine has ever run, and none can be behind
            profiles = ProfileReader(data.profiles, settings.engine.map_size)
            owned.callback(profiles.close)
            is_behind = lambda: engine_is_behind(log, profiles.position())  # noqa: E731
        yield KafkaReader(source, log, bell, is_behind, report)
    lock.release()


def run_source(settings: Settings) -> None:
    """Read the source whose name is the first argument until told to stop, or until the supervisor is gone."""
    name = sys.argv[1]
    [source] = [source for source in settings.sources if source.name == name]
    data = DataDir(settings.data_dir)
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Ready to read, whether or not there is somebody to read from: a server must not wait for its sources.
    with open_reader(settings, data, source) as reader:
        report_ready()
        reader.run(lambda: stopping or bool(select.select([STDIN], [], [], 0)[0]))


if __name__ == "__main__":
    run_child(run_source)
