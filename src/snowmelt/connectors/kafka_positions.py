"""How far a source has come in each partition, here and in Kafka, and what follows from the two.

A batch of messages counts exactly once over all servers of a group, because one thing alone decides about it: the
group's committed offset, which Kafka lets only the present owner of a partition move.

1. The batch is put on this server's disk, beside the event log (:class:`Staged`).
2. Its end is committed to Kafka.
3. The batch becomes records of the event log, together with the new position (:class:`Progress`).

A server that dies between 1 and 3 asks Kafka at its next start whether its commit was taken. The offset alone would
not tell, since others may have gone on from there: so every commit carries, as its metadata, where each server's own
commits have ended (:func:`encode_ends`).
"""

import msgspec

from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.notes import Note

PROGRESS = "kafka-progress"
STAGED = "kafka-staged"
_MARK = "snowmelt1"
_MOST_SERVERS = 100
"""Kafka takes 4 KB of metadata; each server takes some 30 bytes of it."""

encode = msgspec.msgpack.Encoder().encode


class Place(msgspec.Struct, array_like=True, frozen=True):
    """A partition as one group sees it."""

    cluster: str
    group: str
    topic: str
    partition: int

    def name(self) -> tuple[str, ...]:
        """Of its notes."""
        return (self.cluster, self.group, self.topic, str(self.partition))

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Progress(msgspec.Struct, array_like=True):
    """How far this server has come in a partition.

    Args:
        source: name of the source.
        place: the partition.
        offset: of the message to read next; -1 if this server has read nothing.
        messages: that this server has taken.
        unreadable: of them.
        skipped: offsets that were gone before anybody read them.
        lag: messages that were waiting when it last looked.
        assigned: whether this server reads it now.
    """

    source: str
    place: Place
    offset: int = -1
    messages: int = 0
    unreadable: int = 0
    skipped: int = 0
    lag: int = 0
    assigned: bool = False


class Staged(msgspec.Struct, array_like=True):
    """Messages on this server's disk about which Kafka has not decided yet, or not told.

    Args:
        place: the partition.
        start: offset of the first.
        end: offset after the last.
        messages: how many.
        unreadable: of them.
        records: what the event log is to get: kind, time, body.
    """

    place: Place
    start: int
    end: int
    messages: int
    unreadable: int
    records: list[tuple[bytes, int, bytes]]


decode_progress = msgspec.msgpack.Decoder(Progress).decode
decode_staged = msgspec.msgpack.Decoder(Staged).decode


def encode_ends(ends: dict[str, int]) -> str:
    """Where each server's commits have ended, as the metadata of a commit; the furthest ones if they are very many.

    >>> encode_ends({"a": 10, "b": 7})
    'snowmelt1 a=10 b=7'
    """
    furthest = sorted(ends.items(), key=lambda item: (-item[1], item[0]))[:_MOST_SERVERS]
    return " ".join([_MARK, *(f"{server}={end}" for server, end in furthest)])


def decode_ends(metadata: str | None) -> dict[str, int] | None:
    """The reverse; ``None`` if the commit was not Snowmelt's.

    >>> decode_ends("snowmelt1 a=10 b=7"), decode_ends("")
    ({'a': 10, 'b': 7}, None)
    """
    mark, *items = (metadata or "").split(" ")
    if mark != _MARK:
        return None
    try:
        return {server: int(end) for server, _, end in (item.partition("=") for item in items)}
    except ValueError:
        return None


def is_decided(staged: Staged, ends: dict[str, int] | None, server: str) -> bool:
    """Whether Kafka has taken this server's commit of what it staged."""
    return ends is not None and ends.get(server, -1) >= staged.end


def start_of(committed: int, ends: dict[str, int] | None, here: int) -> int | None:
    """The offset to go on at, or ``None`` if nothing is known of the partition.

    Args:
        committed: the group's offset; negative if there is none.
        ends: from its metadata.
        here: this server's own offset, negative if it has none.

    A commit that is not Snowmelt's is somebody's wish to go back or ahead, and is obeyed. A commit of Snowmelt's
    below what this server has counted was lost by the brokers.
    """
    if committed >= 0:
        return committed if ends is None else max(committed, here)
    return here if here >= 0 else None


class Positions:
    """The notes of one source in the event log.

    Args:
        log: holds them.
        source: its name.
    """

    def __init__(self, log: EventLog, source: str) -> None:
        self._log, self._source = log, source

    def of(self, place: Place) -> Progress:
        """How far this server has come."""
        stored = self._log.note(PROGRESS, *place.name())
        return decode_progress(stored) if stored else Progress(self._source, place)

    def set(self, progress: list[Progress]) -> None:
        """Note what changes without messages, such as the lag."""
        self._log.append([], [note for each in progress if (note := self._moved(each)).was != note.value])

    def staged(self, cluster: str, group: str, topic: str) -> list[Staged]:
        """What is not decided."""
        found = [decode_staged(stored) for stored in self._log.notes(STAGED)]
        wanted = (cluster, group, topic)
        return [each for each in found if (each.place.cluster, each.place.group, each.place.topic) == wanted]

    def stage(self, batches: list[Staged]) -> None:
        """Put batches on the disk.

        Raises:
            NoteMovedError: one of their partitions has a batch there already.
        """
        self._log.append([], [Note(STAGED, batch.place.name(), None, encode(batch)) for batch in batches])

    def discard(self, batch: Staged) -> None:
        """Drop a batch that Kafka has not taken: somebody reads its messages again."""
        self._log.append([], [Note(STAGED, batch.place.name(), encode(batch), None)])

    def apply(self, batches: list[Staged], progress: list[Progress]) -> None:
        """Make records of batches that are decided, together with the new positions."""
        notes = [Note(STAGED, batch.place.name(), encode(batch), None) for batch in batches]
        records = [(Kind(kind), time, body) for batch in batches for kind, time, body in batch.records]
        self._log.append(records, [*notes, *map(self._moved, progress)])

    def _moved(self, progress: Progress) -> Note:
        name = progress.place.name()
        return Note(PROGRESS, name, self._log.note(PROGRESS, *name), encode(progress))
