"""The event log: order, durability, several processes, its bounds."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from another_process import AnotherProcess, append_to_log, die_while_reading, read_log
from snowmelt.events.payload import CollectorPayload
from snowmelt.stores import event_log as module
from snowmelt.stores.errors import NoteMovedError, StoreError, StoreFullError
from snowmelt.stores.event_log import EventLog, Kind, decode_payload, encode_payload
from snowmelt.stores.notes import Note

MB = 1024**2


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "log")
    yield opened
    opened.close()


def events(*bodies: bytes, time: int = 0) -> list[tuple[Kind, int, bytes]]:
    return [(Kind.EVENTS, time, body) for body in bodies]


def test_an_empty_log_has_no_records(log: EventLog) -> None:
    assert (log.head(), log.tail(), log.read(0), list(log.follow()), log.trim(10, 10)) == (0, 0, [], [], 0)


def test_records_come_back_in_order_with_their_places(log: EventLog) -> None:
    assert log.append([(Kind.PAYLOAD, 5, b"a"), (Kind.EVENTS, 6, b"")]) == 2
    assert log.append([(Kind.DEFINITIONS, 2**40, b"\0\xff")]) == 3
    assert [tuple(record) for record in log.read(0)] == [
        (1, Kind.PAYLOAD, 5, b"a"),
        (2, Kind.EVENTS, 6, b""),
        (3, Kind.DEFINITIONS, 2**40, b"\0\xff"),
    ]
    assert (log.tail(), log.head()) == (1, 3)


def test_reading_starts_after_a_place_and_is_bounded(log: EventLog) -> None:
    log.append(events(*(b"%d" % number for number in range(1, 301))))
    assert [record.sequence for record in log.read(255, limit=3)] == [256, 257, 258]
    assert log.read(300) == []
    assert [record.body for record in log.follow(298)] == [b"299", b"300"]


def test_reading_stops_at_many_bytes_but_gives_at_least_one_record(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append(events(b"x" * 100, b"y" * 100, b"z"))
    monkeypatch.setattr(module, "READ_BYTES", 150)
    assert [record.sequence for record in log.read(0)] == [1, 2]
    monkeypatch.setattr(module, "READ_BYTES", 1)
    assert [record.sequence for record in log.read(0)] == [1]
    assert [record.sequence for record in log.follow()] == [1, 2, 3]


def test_reading_without_copies_sees_the_log_as_it_was(log: EventLog) -> None:
    log.append(events(b"1", b"2"))
    with log.reading() as read:
        log.append(events(b"3"))
        assert [(record.sequence, bytes(record.body)) for record in read(0, 1)] == [(1, b"1")]
        assert [(record.sequence, bytes(record.body)) for record in read(1, 10)] == [(2, b"2")]
        assert read(2, 10) == []
    with log.reading() as read:
        assert [record.sequence for record in read(2, 10)] == [3]


def test_following_goes_through_every_chunk(log: EventLog) -> None:
    log.append(events(*[b"x"] * 2_500))
    assert [record.sequence for record in log.follow(1)] == list(range(2, 2_501))


def test_another_process_reads_at_once_and_appends_after(log: EventLog, another_process: AnotherProcess) -> None:
    log.append(events(b"one"))
    assert another_process(read_log, log.path) == log.read(0)
    assert another_process(append_to_log, log.path, events(b"two", b"three")) == 3
    assert log.append(events(b"four")) == 4
    assert [record.body for record in log.read(0)] == [b"one", b"two", b"three", b"four"]


def test_records_outlive_the_process(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    log.append(events(b"kept"))
    log.close()
    again = EventLog(tmp_path / "log")
    assert [record.body for record in again.read(0)] == [b"kept"]
    assert again.append(events(b"next")) == 2
    again.close()


@pytest.mark.parametrize("size", [10, 100, 1_000, 10_000])
def test_a_full_log_takes_nothing_says_why_and_goes_on_after_a_trim(tmp_path: Path, size: int) -> None:
    log = EventLog(tmp_path / "log", map_size=MB)
    group = events(*[b"x" * size] * max(2, 20_000 // size))
    with pytest.raises(StoreFullError, match=r"log\.map_size"):
        while True:
            log.append(group)
    head = log.head()
    assert head and head % len(group) == 0, "a refused append must leave nothing behind"
    with pytest.raises(StoreFullError):
        while True:
            log.append(events(b"y"))
    last = log.head()
    log.append([], [Note("output", ("a",), None, b"1")])  # an output says that it needs nothing of this any more
    assert sum(1 for _ in log.follow()) == last
    assert log.trim(last, older_than=1) == last - 1
    assert log.append(group) == last + len(group)
    log.close()


def test_a_record_that_cannot_be_stored_leaves_its_group_out(log: EventLog) -> None:
    with pytest.raises(Exception, match="too large"):
        log.append([(Kind.EVENTS, 0, b"good"), (Kind.EVENTS, -1, b"no such time")])
    assert log.head() == 0
    assert log.append(events(b"next")) == 1


def test_trimming_keeps_what_is_needed_and_the_places(log: EventLog) -> None:
    for time in (10, 20, 30, 40):
        log.append(events(b"x", time=time))
    assert log.trim(through=3, older_than=20) == 1, "the second record is not old enough"
    assert log.trim(through=2, older_than=100) == 1, "the third record is not covered"
    assert (log.tail(), log.head()) == (3, 4)
    assert log.trim(through=100, older_than=100) == 1, "the last record always stays"
    assert [record.sequence for record in log.follow()] == [4]
    assert log.append(events(b"x")) == 5
    assert log.trim(100, 100) == 1
    assert log.tail() == 5


def test_trimming_works_through_many_chunks(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIM_CHUNK", 3)
    log.append(events(*[b"x"] * 10))
    assert log.trim(7, 1) == 7
    assert [record.sequence for record in log.read(0)] == [8, 9, 10]


def test_a_record_of_a_newer_release_is_named(tmp_path: Path) -> None:
    import lmdb

    environment = lmdb.open(str(tmp_path / "log"))
    with environment.begin(write=True) as txn:
        txn.put((1).to_bytes(8, "big"), b"?" + bytes(8))
    environment.close()
    log = EventLog(tmp_path / "log")
    with pytest.raises(StoreError, match=r"record 1 .* newer"):
        log.read(0)
    log.close()


@pytest.mark.parametrize("content", [b"not a database", b"\0" * 20_000])
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(StoreError, match=f"event log at {tmp_path} is damaged"):
        EventLog(tmp_path)
    with pytest.raises(StoreError, match="check that the folder is writable"):
        EventLog(tmp_path / "data.mdb" / "log")


def test_who_was_killed_while_reading_is_forgotten(tmp_path: Path, another_process: AnotherProcess) -> None:
    """Its reader's slot would keep old pages from being used again, and the log would grow for ever."""
    log = EventLog(tmp_path / "log", map_size=MB)
    log.append(events(b"x"))
    reader = multiprocessing.get_context("spawn").Process(target=die_while_reading, args=(tmp_path / "log",))
    reader.start()
    reader.join(30)
    assert reader.exitcode == -9
    another_process(read_log, tmp_path / "log")  # as the process does that takes its place
    for _ in range(200):
        log.append(events(b"x" * 50_000))
        log.trim(log.head(), older_than=1)
    log.close()


@given(
    st.builds(
        CollectorPayload,
        timestamp=st.integers(0, 2**62),
        path=st.text(),
        querystring=st.text(),
        body=st.none() | st.binary(),
        content_type=st.none() | st.text(),
        headers=st.lists(st.text()),
        ip_address=st.none() | st.text(),
        network_userid=st.none() | st.text(),
    )
)
def test_a_payload_comes_back(payload: CollectorPayload) -> None:
    assert decode_payload(encode_payload(payload)) == payload


def test_a_payload_of_an_older_release_reads_with_defaults() -> None:
    import msgspec

    assert decode_payload(msgspec.msgpack.encode([7, "/i"])) == CollectorPayload(timestamp=7, path="/i")


@given(st.lists(st.sampled_from(["append", "trim", "reopen"]), max_size=30), st.data())
def test_places_only_ever_go_up(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log, expected = EventLog(folder), []
    head = 0
    for step in steps:
        if step == "append":
            bodies = data.draw(st.lists(st.binary(max_size=3), min_size=1, max_size=4))
            assert log.append(events(*bodies)) == head + len(bodies)
            expected += [(head + place, body) for place, body in enumerate(bodies, 1)]
            head += len(bodies)
        elif step == "trim":
            through = data.draw(st.integers(0, head + 1))
            log.trim(through, older_than=1)
            expected = [row for row in expected if row[0] > through or row[0] == head]
        else:
            log.close()
            log = EventLog(folder)
        assert [(record.sequence, record.body) for record in log.follow()] == expected
    log.close()


def test_notes_change_with_the_records_or_not_at_all(log: EventLog) -> None:
    assert log.note("file", "a") is None
    assert log.append([], [Note("file", ("a",), None, b"1")]) == 0
    assert (log.head(), log.tail(), log.read(0), log.trim(10, 10)) == (0, 0, [], 0)
    assert log.append(events(b"x", b"y"), [Note("file", ("a",), b"1", b"2"), Note("file", ("b",), None, b"3")]) == 2
    assert (log.note("file", "a"), log.note("file", "b"), log.note("other", "a")) == (b"2", b"3", None)
    assert sorted(log.notes("file")) == [b"2", b"3"]
    assert log.notes("fil") == log.notes("other") == []
    # Somebody who knows an older state changes nothing, neither records nor the notes before.
    with pytest.raises(NoteMovedError, match="file note of b"):
        log.append(events(b"z"), [Note("file", ("a",), b"2", b"9"), Note("file", ("b",), None, b"9")])
    assert (log.head(), log.note("file", "a")) == (2, b"2")
    log.append([], [Note("file", ("a",), b"2", None)])
    assert log.notes("file") == [b"3"]
    assert (log.tail(), log.trim(2, 1), log.tail()) == (1, 1, 2)
    assert log.note("file", "b") == b"3"


def test_names_of_notes_may_be_long_and_are_told_apart(log: EventLog) -> None:
    log.append([], [Note("k", ("ä" * 600, "b"), None, b"1"), Note("k", ("ä" * 600 + "b",), None, b"2")])
    assert log.note("k", "ä" * 600, "b") == b"1"
    assert log.note("k", "ä" * 600 + "b") == b"2"
