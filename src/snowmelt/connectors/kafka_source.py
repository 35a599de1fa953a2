"""Enriched events from a Kafka topic, each exactly once over all servers of a consumer group."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from snowmelt.connectors.errors import ConnectorError
from snowmelt.connectors.identity import server_id
from snowmelt.connectors.kafka_library import configuration, require
from snowmelt.connectors.kafka_positions import Positions
from snowmelt.connectors.kafka_session import Session, Source
from snowmelt.settings_connectors import KafkaSource
from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog

if TYPE_CHECKING:
    from confluent_kafka import Consumer

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

logger = structlog.get_logger("snowmelt.kafka")


class KafkaReader:
    """Reads a topic into the event log until told to stop, through all that can happen to brokers and groups.

    Args:
        settings: of the source.
        log: where events go, and where it is kept how far they have come.
        bell: wakes the engine.
        is_behind: whether the engine has so much to do that reading should wait.
        report: called after each batch with the messages that were taken and how many of them were unreadable.
        clock: ms since the epoch.

    Raises:
        ConnectorError: the client library is not installed, or does not take the settings.
    """

    def __init__(
        self,
        settings: KafkaSource,
        log: EventLog,
        bell: Bell,
        is_behind: Callable[[], bool] = lambda: False,
        report: Callable[[int, int], None] = lambda messages, unreadable: None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._kafka: Any = require("a source of type Kafka")
        self._settings, self._server = settings, server_id(log)
        positions = Positions(log, settings.name)
        self._source = Source(settings, positions, self._server, bell, is_behind, report, clock)
        self._consumer().close()

    def run(self, is_stopping: Callable[[], bool], *, until_end: bool = False, insists: bool = True) -> None:
        """Read until told to stop.

        Args:
            is_stopping: asked several times a second.
            until_end: also stop when all that was there at the start has been taken.
            insists: try again for ever; else only once something has been read.

        Raises:
            ConnectorError: nothing can be read, and it does not insist.
            StoreError: likewise.
        """
        pause = FIRST_PAUSE
        while not is_stopping():
            session = None
            try:
                session = Session(self._source, self._kafka, self._consumer())
                session.run(is_stopping, until_end)
                return
            except (self._kafka.KafkaException, StoreError, ConnectorError) as error:
                if session is not None and session.took_something:
                    pause, insists = FIRST_PAUSE, True
                if not insists:
                    raise ConnectorError(f"the topic {self._settings.topic} cannot be read: {error}") from error
                logger.warning("reading starts again", source=self._settings.name, pause=pause, error=str(error))
            finally:
                if session is not None:
                    session.close()
            deadline = time.monotonic() + pause
            while not is_stopping() and time.monotonic() < deadline:
                time.sleep(0.05)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _consumer(self) -> "Consumer":
        settings = self._settings
        config = configuration(
            settings.name,
            settings.brokers,
            settings.properties,
            group_id=settings.group,
            # A server that comes back within the session's timeout is the same member: it gets its partitions at once,
            # and whatever is left of the one before it is shut out.
            group_instance_id=f"snowmelt-{self._server}-{settings.name}",
            partition_assignment_strategy="range",
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            enable_partition_eof=True,
            auto_offset_reset="error",
        )
        try:
            consumer: Consumer = self._kafka.Consumer(config)
        except (self._kafka.KafkaException, ValueError, TypeError) as error:
            raise ConnectorError(f"the source `{settings.name}` cannot be used as it is set up: {error}") from error
        return consumer
