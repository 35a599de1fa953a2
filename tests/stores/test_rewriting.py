"""Stores that are written anew: nothing deleted is left, the rest stays, and every process goes over to the new one."""

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from another_process import AnotherProcess, append_to_log, read_log
from conftest import eventually
from snowmelt.stores import environment as module
from snowmelt.stores.environment import DATA, DRAFT, GONE, NEXT, Environment, beside
from snowmelt.stores.errors import StoreFullError
from snowmelt.stores.event_log import EventLog, Kind, Record
from snowmelt.stores.failed_events import Failed, FailedEvents
from snowmelt.stores.notes import Note
from snowmelt.stores.outbox import Delivery, Outbox
from snowmelt.stores.rewriting import rewrite

SECRET = b"a-name-that-must-go"
MAP = 2**26


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Environment]:
    opened = Environment(tmp_path / "store", MAP, "store")
    yield opened
    opened.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "log", MAP)
    yield opened
    opened.close()


def put(store: Environment, rows: dict[bytes, bytes]) -> None:
    with store.begin(write=True) as txn:
        for key, value in rows.items():
            txn.put(key, value)


def rows_of(store: Environment) -> dict[bytes, bytes]:
    with store.begin() as txn, txn.cursor() as cursor:
        return dict(iter(cursor))


@given(sizes=st.lists(st.integers(0, 9_000), min_size=1, max_size=40))
def test_nothing_of_deleted_rows_is_left_whatever_their_size(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("rows") / "store"
    store = Environment(folder, MAP, "store")
    others = {b"other %d" % number: b"x" * size for number, size in enumerate(sizes)}
    for number, size in enumerate(sizes):
        # One transaction each, so that pages are copied, freed and used again.
        put(store, {b"%s %d" % (SECRET, number): SECRET * (size // len(SECRET)), b"other %d" % number: b"x" * size})
    with store.begin(write=True) as txn:
        for number in range(len(sizes)):
            txn.delete(b"%s %d" % (SECRET, number))
    assert SECRET in (folder / DATA).read_bytes()
    assert rewrite(store, lambda key, value: value) == len(sizes)
    assert SECRET not in (folder / DATA).read_bytes()
    assert rows_of(store) == others
    put(store, {b"more": b"y"})
    assert SECRET not in (folder / DATA).read_bytes()
    store.close()


def test_rows_are_changed_and_left_out_as_they_are_copied(store: Environment) -> None:
    put(store, {b"a": b"1", b"b": SECRET, b"c": SECRET})
    rewrite(store, lambda key, value: {b"b": None, b"c": b"3"}.get(key, value))
    assert rows_of(store) == {b"a": b"1", b"c": b"3"}
    assert [path.name for path in store.path.parent.iterdir()] == ["store"]


def test_what_is_read_while_it_is_exchanged_stays_what_it_was(store: Environment) -> None:
    put(store, {b"a": b"1"})
    with store.begin() as txn:
        rewrite(store, lambda key, value: None)
        assert txn.get(b"a") == b"1"
        assert rows_of(store) == {}
    put(store, {b"b": b"2"})
    assert rows_of(store) == {b"b": b"2"}


def test_if_the_disk_refuses_all_is_as_before(store: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, {b"a": b"1"})

    def refuse(path: Path) -> None:
        raise OSError("no room")

    monkeypatch.setattr("snowmelt.stores.rewriting.sync_path", refuse)
    with pytest.raises(OSError, match="no room"):
        rewrite(store, lambda key, value: None)
    assert rows_of(store) == {b"a": b"1"}
    assert [path.name for path in store.path.parent.iterdir()] == ["store"]
    put(store, {b"b": b"2"})


@pytest.mark.parametrize("renamed", [1, 2])
def test_a_death_between_the_renames_loses_nothing(tmp_path: Path, renamed: int) -> None:
    path = tmp_path / "store"
    for folder, value in ((path, b"old"), (beside(path, NEXT), b"new")):
        store = Environment(folder, MAP, "store")
        put(store, {b"a": value})
        store.close()
    if renamed == 2:
        path.rename(beside(path, GONE))
    store = Environment(path, MAP, "store")
    # Before the second rename the old one holds what others may have written since.
    assert rows_of(store) == {b"a": b"old" if renamed == 1 else b"new"}
    assert [one.name for one in tmp_path.iterdir()] == ["store"]
    store.close()


def test_an_exchange_that_is_given_up_at_the_last_moment_leaves_a_store_that_works(
    store: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody was told already that another one takes its place, and finds the same again."""
    put(store, {b"a": b"1"})
    rename = Path.rename
    with monkeypatch.context() as patched:

        def refuse(path: Path, target: Path) -> Path:
            if target == beside(store.path, GONE):
                raise OSError("the machine is tired")
            return rename(path, target)

        patched.setattr(Path, "rename", refuse)
        with pytest.raises(OSError, match="tired"):
            rewrite(store, lambda key, value: None)
    put(store, {b"b": b"2"})
    assert {key: rows_of(store)[key] for key in (b"a", b"b")} == {b"a": b"1", b"b": b"2"}
    assert [path.name for path in store.path.parent.iterdir()] == ["store"]
    rewrite(store, lambda key, value: value)
    assert rows_of(store) == {b"a": b"1", b"b": b"2"}


def test_other_processes_go_over_to_the_new_log(log: EventLog, another_process: AnotherProcess) -> None:
    log.append([(Kind.EVENTS, 1, SECRET), (Kind.EVENTS, 1, b"b")], [Note("file", ("a",), None, b"1")])
    log.rewrite(lambda record: None if record.body == SECRET else bytes(record.body))
    assert another_process(append_to_log, log.path, [(Kind.EVENTS, 2, b"c")]) == 3
    assert [record.body for record in log.read(0)] == [b"b", b"c"]
    assert [record.sequence for record in another_process(read_log, log.path)] == [2, 3]
    assert (log.note("file", "a"), log.head(), log.tail()) == (b"1", 3, 2)
    assert SECRET not in (log.path / DATA).read_bytes()


def test_whoever_waits_for_the_lock_writes_into_the_new_log(log: EventLog) -> None:
    """Many append all the time while the log is written anew; every place is there, once, in both lives."""
    log.append([(Kind.EVENTS, 0, b"first")])
    stop = threading.Event()
    kept: list[int] = []

    def append() -> None:
        while not stop.is_set():
            kept.append(log.append([(Kind.EVENTS, 0, b"one")]))

    context = multiprocessing.get_context("spawn")
    elsewhere = context.Process(target=append_to_log, args=(log.path, [(Kind.EVENTS, 0, b"x")]), daemon=True)
    threads = [threading.Thread(target=append) for _ in range(3)]
    for thread in threads:
        thread.start()
    elsewhere.start()
    for _ in range(10):
        log.rewrite(lambda record: bytes(record.body))
    eventually(lambda: len(kept) > 50, "others have appended")
    stop.set()
    for thread in threads:
        thread.join()
    elsewhere.join()
    assert len(set(kept)) == len(kept)
    places = [record.sequence for record in log.follow()]
    assert places == list(range(1, log.head() + 1))
    assert set(kept) <= set(places)


def test_what_is_appended_noted_and_trimmed_meanwhile_is_kept(log: EventLog) -> None:
    log.append([(Kind.EVENTS, number, b"%d" % number) for number in range(1, 6)], [Note("file", ("a",), None, b"1")])

    def change(record: Record) -> bytes:
        if record.sequence == 5:
            log.append([(Kind.EVENTS, 6, b"6")], [Note("file", ("a",), b"1", b"2"), Note("file", ("b",), None, b"3")])
            log.trim(2, 100)
        return b"new " + bytes(record.body)

    log.rewrite(change)
    assert [(record.sequence, record.body) for record in log.read(0)] == [
        (3, b"new 3"),
        (4, b"new 4"),
        (5, b"new 5"),
        (6, b"6"),
    ]
    assert (log.note("file", "a"), log.note("file", "b")) == (b"2", b"3")


def test_a_log_without_room_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(tmp_path / "log", 2**20)
    log.append([(Kind.EVENTS, 1, b"x" * 100_000)])
    with pytest.raises(StoreFullError, match=r"log\.map_size"):
        log.rewrite(lambda record: b"x" * 2**20)
    assert log.read(0)[0].body == b"x" * 100_000
    assert not beside(log.path, DRAFT).exists()
    log.close()


def test_places_of_the_outbox_never_go_back_though_the_last_delivery_is_erased(tmp_path: Path) -> None:
    now = 1_767_225_600_000
    outbox = Outbox(tmp_path / "outbox", MAP, clock=lambda: now)
    name = SECRET.decode()
    for number, identifier in enumerate(("bob", name, name), 1):
        outbox.append([Delivery(UUID(int=number), (("user_id", identifier),), b"{}")])
    last = outbox.head()
    assert outbox.erase(lambda one: one.targets[0][1] == name) == 2
    assert SECRET not in (outbox.path / DATA).read_bytes()
    assert [one.id.int for one in outbox.read(0)] == [1]
    assert outbox.since(0, [("user_id", name)]) == []
    assert outbox.head() == last
    now -= 60_000
    assert outbox.append([Delivery(UUID(int=2), (("user_id", "cid"),), b"{}")]) > last
    assert [one.id.int for one in outbox.since(last, [("user_id", "cid")])] == [2]
    outbox.close()


def test_failed_events_leave_nothing_either(tmp_path: Path) -> None:
    path = tmp_path / "failed.sqlite"
    failed = FailedEvents(path)
    reader = sqlite3.connect(path)
    texts = [SECRET.decode(), "other"] * 20
    failed.add([Failed(number, 0, 1, "x", text, {"payload": text * 300}) for number, text in enumerate(texts)])
    failed.trim(2, 2**40)
    assert any(SECRET in file.read_bytes() for file in tmp_path.iterdir())
    assert failed.erase(lambda one: SECRET.decode() in one.reason) == 0
    assert not any(SECRET in file.read_bytes() for file in tmp_path.iterdir())
    failed.add([Failed(50, 0, 1, "x", SECRET.decode(), {}), Failed(51, 0, 1, "x", "other", {})])
    assert failed.erase(lambda one: SECRET.decode() in one.reason) == 1
    assert [one.sequence for one in failed.list()] == [51]
    assert not any(SECRET in file.read_bytes() for file in tmp_path.iterdir())
    assert reader.execute("SELECT count(*) FROM failed_events").fetchone() == (1,)
    reader.close()
    failed.close()


def test_nobody_opens_a_store_between_the_renames(tmp_path: Path) -> None:
    path = tmp_path / "store"
    opened: list[Environment] = []
    with module.exchanging(path):
        thread = threading.Thread(target=lambda: opened.append(Environment(path, MAP, "store")))
        thread.start()
        thread.join(0.2)
        assert not opened
        assert not path.exists()
    thread.join(20)
    [store] = opened
    store.close()
