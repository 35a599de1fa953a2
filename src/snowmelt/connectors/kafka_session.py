"""One consumer of a Kafka topic, from joining its group to leaving it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from snowmelt.connectors.errors import ConnectorError
from snowmelt.connectors.kafka_positions import (
    Place,
    Positions,
    Progress,
    Staged,
    decode_ends,
    encode_ends,
    is_decided,
    start_of,
)
from snowmelt.connectors.line_formats import LINE_FORMATS, UNREADABLE, as_unreadable
from snowmelt.events.unreadable import UnreadableLine
from snowmelt.settings_connectors import KafkaSource
from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, TopicPartition

BATCH_MESSAGES = 5_000
BATCH_BYTES = 4 * 1024**2
POLL_SECONDS = 0.1
ANSWER_SECONDS = 10.0
NOTE_SECONDS = 5.0
"""How often the lag is noted, for metrics, while no messages come."""

logger = structlog.get_logger("snowmelt.kafka")


class RejoinError(ConnectorError):
    """What a consumer has done may not have been taken: only a new one can tell."""

    code = "rejoin"


@dataclass(frozen=True)
class Source:
    """What stays the same from one consumer to the next.

    Args:
        settings: of the source.
        positions: how far it has come.
        server: identity of this server.
        bell: wakes the engine.
        is_behind: whether the engine has so much to do that reading should wait.
        report: called after each batch with the messages that were taken and how many of them were unreadable.
        clock: ms since the epoch.
    """

    settings: KafkaSource
    positions: Positions
    server: str
    bell: Bell
    is_behind: Callable[[], bool]
    report: Callable[[int, int], None]
    clock: Callable[[], int]


@dataclass
class _Partition:
    """A partition that this consumer reads.

    Args:
        progress: how far it has come.
        ends: where the commits of all servers have ended.
        target: the end of the partition when reading began.
        lines: what was read and is not staged yet.
        unreadable: of it, what are no events.
        start: offset of the first message of it.
        next: offset of the message to come.
    """

    progress: Progress
    ends: dict[str, int]
    target: int
    lines: list[bytes] = field(default_factory=list)
    unreadable: list[UnreadableLine] = field(default_factory=list)
    start: int = -1
    next: int = -1


class Session:
    """One consumer. Whatever goes wrong ends it; the next one sorts it out.

    Args:
        source: what is read, and where to.
        kafka: the client library.
        consumer: not subscribed yet; closed by :meth:`close`.
    """

    def __init__(self, source: Source, kafka: Any, consumer: "Consumer") -> None:
        self._source, self._kafka, self._consumer = source, kafka, consumer
        self._settings, self._positions = source.settings, source.positions
        self._partitions: dict[int, _Partition] = {}
        self._cluster = ""
        self._member = ""
        self._messages = self._bytes = 0
        self._joined = self._paused = False
        self._noted = time.monotonic()
        self.took_something = False

    def run(self, is_stopping: Callable[[], bool], until_end: bool) -> None:
        """Read until told to stop; as :meth:`~snowmelt.connectors.kafka_source.KafkaReader.run`.

        Raises:
            ConnectorError: the topic cannot be read.
            KafkaException: the brokers refuse something.
            StoreError: the log cannot be written.
        """
        topic = self._settings.topic
        cluster = self._metadata(topic, is_stopping)
        if cluster is None:
            return
        if (error := cluster.topics[topic].error) is not None:
            raise ConnectorError(f"{topic} at {self._settings.brokers}: {error.str()}")
        self._cluster = cluster.cluster_id or ""
        self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        while not is_stopping():
            if not self._messages:
                self._hold_back()
            message = self._consumer.poll(0.0 if self._messages else POLL_SECONDS)
            if message is not None:
                self._take(message)
            if self._messages and (message is None or self._messages >= BATCH_MESSAGES or self._bytes >= BATCH_BYTES):
                self._commit()
            elif message is None:
                self._note_lag()
            if until_end and self._joined and all(each.next >= each.target for each in self._partitions.values()):
                if self._messages:
                    self._commit()
                return

    def _metadata(self, topic: str, is_stopping: Callable[[], bool]) -> Any:
        """What the brokers say of the cluster and the topic; ``None`` if it was told to stop before they answered."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not is_stopping():
            try:
                return self._consumer.list_topics(topic, timeout=1.0)
            except self._kafka.KafkaException:
                if time.monotonic() > deadline:
                    raise
        return None

    def close(self) -> None:
        """Leave; what was read and not committed is read again by whoever has the partition next."""
        self._forget()
        try:
            self._consumer.close()
        except self._kafka.KafkaException as error:
            logger.warning("the consumer was not closed", source=self._settings.name, error=str(error))

    # What Kafka calls from within `poll`.

    def _assigned(self, consumer: "Consumer", given: "list[TopicPartition]") -> None:
        """Find out where to go on, now that nobody else can move the offsets of these partitions."""
        self._member = consumer.memberid() or ""
        self._forget()
        staged = self._positions.staged(self._cluster, self._settings.group, self._settings.topic)
        numbers = {each.partition for each in given} | {each.place.partition for each in staged}
        committed: dict[int, tuple[int, dict[str, int] | None]] = {}
        if numbers:
            asked = [self._kafka.TopicPartition(self._settings.topic, number) for number in sorted(numbers)]
            for each in consumer.committed(asked, timeout=ANSWER_SECONDS):
                if each.error is not None:
                    raise self._kafka.KafkaException(each.error)
                committed[each.partition] = (each.offset, decode_ends(each.metadata))
        for batch in staged:
            self._settle(batch, committed[batch.place.partition][1])
        for each in given:
            each.offset = self._open(consumer, each.partition, *committed[each.partition])
        consumer.assign(given)
        self._joined, self._paused = True, bool(given) and self._source.is_behind()
        if self._paused:
            consumer.pause(given)  # now, before anything is fetched
        self._positions.set([each.progress for each in self._partitions.values()])
        logger.info("partitions assigned", source=self._settings.name, partitions=sorted(self._partitions))

    def _revoked(self, consumer: "Consumer", taken: "list[TopicPartition]") -> None:
        """Drop what was read and not committed: the next owner reads it."""
        self._forget()
        logger.info("partitions revoked", source=self._settings.name)

    def _settle(self, batch: Staged, ends: dict[str, int] | None) -> None:
        if is_decided(batch, ends, self._source.server):
            self._apply([batch])
        else:
            self._positions.discard(batch)

    def _open(self, consumer: "Consumer", number: int, committed: int, ends: dict[str, int] | None) -> int:
        """Get ready to read a partition; returns the offset to begin at."""
        place = self._place(number)
        progress = self._positions.of(place)
        asked = self._kafka.TopicPartition(self._settings.topic, number)
        low, high = consumer.get_watermark_offsets(asked, timeout=ANSWER_SECONDS)
        start = start_of(committed, ends, progress.offset)
        if start is None:
            start = self._first(consumer, number, low, high)
        elif committed >= 0 and ends is None and start != progress.offset >= 0:
            logger.warning("the group's offset was moved", partition=str(place), here=progress.offset, to=start)
        if start > high:
            raise ConnectorError(
                f"{place} ends at {high}, but was read up to {start}: the topic was made anew, or lost messages. Say "
                f"where to go on by setting the offsets of group {self._settings.group} with Kafka's own tools"
            )
        if start < low:
            logger.error("messages were deleted before they were read", partition=str(place), messages=low - start)
            progress.skipped += low - start
            start = low
        progress.offset, progress.lag, progress.assigned = start, high - start, True
        self._partitions[number] = _Partition(progress, ends or {}, high, start=start, next=start)
        return start

    def _first(self, consumer: "Consumer", number: int, low: int, high: int) -> int:
        """Where the settings say that reading begins."""
        instant = self._settings.start_ms()
        if instant is None:
            return low if self._settings.start == "earliest" else high
        asked = self._kafka.TopicPartition(self._settings.topic, number, instant)
        [found] = consumer.offsets_for_times([asked], timeout=ANSWER_SECONDS)
        return found.offset if found.offset >= 0 else high

    # What is done with messages.

    def _take(self, message: "Message") -> None:
        number, offset, error = message.partition(), message.offset(), message.error()
        if error is not None:
            if error.code() != self._kafka.KafkaError._PARTITION_EOF:
                raise self._kafka.KafkaException(error)
            if number in self._partitions and offset is not None:
                # Beyond the last message there may be marks of transactions.
                self._partitions[number].next = max(self._partitions[number].next, offset)
            return
        assert number is not None and offset is not None
        partition = self._partitions.get(number)
        if partition is None or offset < partition.next:
            return  # read for an assignment that has ended
        value = message.value() or b""
        try:
            partition.lines.append(LINE_FORMATS[self._settings.format].convert(value.rstrip(b"\r\n")))
        except UNREADABLE as reason:
            place = f"{self._settings.topic}/{number}@{offset}"
            partition.unreadable.append(UnreadableLine(place, str(reason), value))
        partition.next = offset + 1
        self._messages += 1
        self._bytes += len(value)

    def _commit(self) -> None:
        """Stage what was read, have Kafka decide, and apply it."""
        batches = [self._batch(each) for each in self._partitions.values() if each.lines or each.unreadable]
        self._positions.stage(batches)
        offsets = []
        for batch in batches:
            ends = self._partitions[batch.place.partition].ends | {self._source.server: batch.end}
            offsets.append(
                self._kafka.TopicPartition(
                    self._settings.topic, batch.place.partition, batch.end, metadata=encode_ends(ends)
                )
            )
        self._require_membership()
        for each in self._consumer.commit(offsets=offsets, asynchronous=False):
            if each.error is not None:
                raise self._kafka.KafkaException(each.error)
        self._require_membership()
        self._apply(batches)
        self._messages = self._bytes = 0
        self.took_something = True
        for batch in batches:
            partition = self._partitions[batch.place.partition]
            partition.ends[self._source.server] = batch.end
            partition.lines, partition.unreadable, partition.start = [], [], partition.next
        self._source.report(sum(each.messages for each in batches), sum(each.unreadable for each in batches))

    def _require_membership(self) -> None:
        """End here if this consumer was put out of the group.

        Kafka refuses the commit of a former member. But the library may have noticed already and commit as nobody's
        member, which Kafka takes while a group has no members at all.
        """
        if self._consumer.memberid() != self._member:
            raise RejoinError("this consumer was put out of its group, having been silent for too long")

    def _batch(self, partition: _Partition) -> Staged:
        now = self._source.clock()
        records = [
            *LINE_FORMATS[self._settings.format].records(partition.lines, now),
            *as_unreadable(partition.unreadable, now),
        ]
        return Staged(
            place=partition.progress.place,
            start=partition.start,
            end=partition.next,
            messages=len(partition.lines) + len(partition.unreadable),
            unreadable=len(partition.unreadable),
            records=[(kind.value, time, body) for kind, time, body in records],
        )

    def _apply(self, batches: list[Staged]) -> None:
        moved: list[Progress] = []
        for batch in batches:
            open_one = self._partitions.get(batch.place.partition)
            progress = open_one.progress if open_one else self._positions.of(batch.place)
            progress.offset = batch.end
            progress.messages += batch.messages
            progress.unreadable += batch.unreadable
            progress.lag = self._lag(batch.place.partition, batch.end)
            moved.append(progress)
        self._positions.apply(batches, moved)
        self._source.bell.ring()

    def _hold_back(self) -> None:
        """Stop fetching while the engine has too much to do, and go on later; the group is not left for it."""
        if self._paused != self._source.is_behind() and self._partitions:
            assignment = self._consumer.assignment()
            (self._consumer.resume if self._paused else self._consumer.pause)(assignment)
            self._paused = not self._paused

    def _note_lag(self) -> None:
        if time.monotonic() - self._noted > NOTE_SECONDS:
            for number, partition in self._partitions.items():
                partition.progress.lag = self._lag(number, partition.next)
            self._positions.set([each.progress for each in self._partitions.values()])
            self._noted = time.monotonic()

    def _lag(self, number: int, reached: int) -> int:
        """Messages that wait in a partition, as far as this consumer has heard."""
        asked = self._kafka.TopicPartition(self._settings.topic, number)
        _, high = self._consumer.get_watermark_offsets(asked, cached=True)
        return max(high - reached, 0)

    def _forget(self) -> None:
        """Have no partitions, and nothing of theirs."""
        held = [each.progress for each in self._partitions.values()]
        self._partitions = {}
        self._messages = self._bytes = 0
        for progress in held:
            progress.assigned = False
        try:
            self._positions.set(held)
        except StoreError as error:
            # It is for metrics only.
            logger.warning("it could not be noted that partitions were given back", error=str(error))

    def _place(self, number: int) -> Place:
        return Place(self._cluster, self._settings.group, self._settings.topic, number)
