"""What follows from an offset here and an offset in Kafka."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.connectors import kafka_library
from snowmelt.connectors.errors import ConnectorError
from snowmelt.connectors.identity import server_id
from snowmelt.connectors.kafka_positions import (
    PROGRESS,
    STAGED,
    Place,
    Positions,
    Staged,
    decode_ends,
    encode_ends,
    is_decided,
    start_of,
)
from snowmelt.stores.errors import NoteMovedError
from snowmelt.stores.event_log import EventLog, Kind

PLACE = Place("cluster", "group", "topic", 2)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "log")
    yield opened
    opened.close()


def _staged(start: int = 5, end: int = 8) -> Staged:
    return Staged(PLACE, start, end, 3, 1, [(b"E", 7, b"{}"), (b"U", 7, b"\x90")])


@given(st.dictionaries(st.text("0123456789abcdef", min_size=12, max_size=12), st.integers(0, 2**63 - 1), max_size=40))
def test_ends_survive_as_metadata(ends: dict[str, int]) -> None:
    assert decode_ends(encode_ends(ends)) == ends


def test_metadata_stay_within_what_kafka_takes_and_keep_the_furthest() -> None:
    text = encode_ends({f"{number:012x}": 2**62 + number for number in range(500)})
    assert len(text) < 4_096
    kept = decode_ends(text)
    assert kept is not None
    assert min(kept.values()) == 2**62 + 400


@pytest.mark.parametrize("metadata", [None, "", "somebody else's", "snowmelt1 a=x", "snowmelt2 a=1"])
def test_other_metadata_are_not_ours(metadata: str | None) -> None:
    assert decode_ends(metadata) is None


def test_a_batch_is_decided_by_the_servers_own_commits() -> None:
    assert is_decided(_staged(end=8), {"a": 8, "b": 99}, "a")
    assert is_decided(_staged(end=8), {"a": 9}, "a")
    assert not is_decided(_staged(end=8), {"a": 7, "b": 8}, "a")
    assert not is_decided(_staged(end=8), {"b": 8}, "a")
    assert not is_decided(_staged(end=8), None, "a")


@pytest.mark.parametrize(
    ("committed", "ends", "here", "start"),
    [
        (-1001, None, -1, None),  # nobody has read anything
        (-1001, None, 7, 7),  # the group's offsets have expired
        (9, {"a": 5, "b": 9}, 5, 9),  # others have gone on
        (5, {"a": 5}, 7, 7),  # the brokers lost the last commit
        (3, None, 7, 3),  # an operator wants it
        (9, None, 7, 9),
    ],
)
def test_where_to_go_on(committed: int, ends: dict[str, int] | None, here: int, start: int | None) -> None:
    assert start_of(committed, ends, here) == start


def test_a_batch_becomes_records_with_its_position_or_nothing(log: EventLog) -> None:
    positions = Positions(log, "main")
    positions.stage([_staged()])
    assert (log.head(), positions.staged("cluster", "group", "topic")) == (0, [_staged()])
    assert positions.staged("cluster", "group", "other") == []
    with pytest.raises(NoteMovedError):
        positions.stage([_staged(end=9)])
    progress = positions.of(PLACE)
    progress.offset = 8
    positions.apply([_staged()], [progress])
    assert [(record.kind, record.body) for record in log.follow()] == [(Kind.EVENTS, b"{}"), (Kind.UNREADABLE, b"\x90")]
    assert (positions.of(PLACE).offset, log.notes(STAGED), len(log.notes(PROGRESS))) == (8, [], 1)
    with pytest.raises(NoteMovedError):
        positions.apply([_staged()], [progress])
    positions.stage([_staged(8, 9)])
    positions.discard(_staged(8, 9))
    assert (log.head(), log.notes(STAGED)) == (2, [])


def test_a_folder_keeps_its_identity(log: EventLog, tmp_path: Path) -> None:
    other = EventLog(tmp_path / "other")
    assert server_id(log) == server_id(log) != server_id(other)
    assert decode_ends(encode_ends({server_id(log): 1})) == {server_id(log): 1}
    other.close()


def test_a_missing_library_is_told_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(
        ConnectorError, match=r"a source needs the package confluent-kafka.*pip install 'snowmelt\[kafka"
    ):
        kafka_library.require("a source")
