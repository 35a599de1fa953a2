"""An output into Kafka topics, at least once."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from snowmelt.connectors.errors import ConnectorError
from snowmelt.connectors.kafka_library import configuration, require
from snowmelt.connectors.output_lines import Line, size_violation
from snowmelt.connectors.sink import OpenFiles
from snowmelt.settings_connectors import KafkaOutput

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

MOST_BYTES = 1_000_000
"""What Kafka takes as one message unless it is told otherwise."""
ENVELOPE_BYTES = 512
"""What Kafka adds to a message at most; keys are counted on their own."""

ALONE_SECONDS = 10.0


class _Sent(NamedTuple):
    topic: str
    line: Line
    is_alone: bool


class KafkaSink:
    """Produces to a topic of good and, if there is one, a topic of failed events.

    A line that is too long for a message becomes a failed event (``size_violation``), as upstream does it.

    Args:
        settings: of the output.
        clock: ms since the epoch.

    Raises:
        ConnectorError: the client library is not installed, or does not take the settings.
    """

    def __init__(self, settings: KafkaOutput, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._kafka: Any = require("an output of type Kafka")
        self._settings, self._clock = settings, clock
        self._most = int(settings.properties.get("message.max.bytes", MOST_BYTES)) - ENVELOPE_BYTES
        self._error: KafkaError | None = None
        self._refused: list[_Sent] = []
        properties = {"queue.buffering.max.kbytes": 65_536, "linger.ms": 5} | settings.properties
        config = configuration(settings.name, settings.brokers, properties, enable_idempotence=True, acks="all")
        try:
            self._producer: Producer = self._kafka.Producer(config)
        except (self._kafka.KafkaException, ValueError, TypeError) as error:
            raise ConnectorError(f"the output `{settings.name}` cannot be used as it is set up: {error}") from error

    def write(self, good: list[Line], failed: list[Line], place: int) -> None:
        """Queue lines; waits while the queue is full. See :class:`~snowmelt.connectors.sink.Sink`."""
        for line in good:
            if len(line.text) + len(line.key or b"") > self._most:
                self._fail(size_violation(line, self._most, self._clock()))
            else:
                self._produce(self._settings.good_topic, line)
        for line in failed:
            self._fail(line)

    def sync(self, is_stopping: Callable[[], bool]) -> None:
        """Return when the brokers have all that was queued."""
        while self._producer.flush(0.5) or self._refused:
            self._require_delivery()
            refused, self._refused = self._refused, []
            for one in refused:
                self._send_refused(one)
            if is_stopping():
                raise ConnectorError(f"the output `{self._settings.name}` was stopped before its brokers answered")
        self._require_delivery()

    def files(self) -> OpenFiles:
        """None."""
        return {}

    def turn(self) -> bool:
        """Nothing is ever to be finished."""
        return False

    def close(self) -> None:
        """Forget what was not delivered."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _fail(self, line: Line) -> None:
        topic = self._settings.failed_topic
        if topic is None:
            return  # they are kept in the data folder in any case
        if len(line.text) > self._most:
            line = size_violation(line, self._most, self._clock())
        self._produce(topic, line)

    def _send_refused(self, one: "_Sent") -> None:
        """Send once more what was refused for its length, which is that of all that was sent together."""
        if not one.is_alone:
            self._produce(one.topic, one.line, is_alone=True)
            self._producer.flush(ALONE_SECONDS)
        else:
            # The topic takes less than the settings say. Each time it is a tenth as long, so there is an end to it.
            self._fail(size_violation(one.line, len(one.line.text) - 1, self._clock()))

    def _produce(self, topic: str, line: Line, is_alone: bool = False) -> None:
        on_delivery = partial(self._delivered, _Sent(topic, line, is_alone))
        while True:
            self._require_delivery()
            try:
                self._producer.produce(topic, line.text, line.key, on_delivery=on_delivery)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)
            except self._kafka.KafkaException as error:
                raise ConnectorError(f"the output `{self._settings.name}`: {error}") from error

    def _delivered(self, sent: "_Sent", error: "KafkaError | None", message: "Message") -> None:
        if error is None or error.code() == self._kafka.KafkaError._PURGE_QUEUE:
            return
        if error.code() == self._kafka.KafkaError.MSG_SIZE_TOO_LARGE:
            self._refused.append(sent)
        else:
            self._error = error

    def _require_delivery(self) -> None:
        if self._error is not None:
            raise ConnectorError(f"the output `{self._settings.name}` was refused by its brokers: {self._error.str()}")
