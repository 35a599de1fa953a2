"""Failed events: kept once, found again."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from snowmelt.stores.errors import StoreError, StoreFullError
from snowmelt.stores.failed_events import Failed, FailedEvents, Filter, Replayed


@pytest.fixture
def failed(tmp_path: Path) -> Iterator[FailedEvents]:
    opened = FailedEvents(tmp_path / "failed.sqlite")
    yield opened
    opened.close()


def entry(sequence: int, item: int = 0, category: str = "schema_violations", reason: str = "why") -> Failed:
    return Failed(sequence, item, 1_700_000_000_000, category, reason, {"data": {"é": [1, None, "x"]}})


def test_an_entry_comes_back_whole(failed: FailedEvents) -> None:
    failed.add([entry(3, 1)])
    assert failed.get(3, 1) == entry(3, 1)
    assert failed.get(3, 0) is None
    assert list(failed.list()) == [entry(3, 1)]


def test_adding_again_changes_nothing(failed: FailedEvents) -> None:
    failed.add([entry(1), entry(2)])
    failed.add([entry(2, reason="another"), entry(3)])
    assert [(one.sequence, one.reason) for one in failed.list()] == [(3, "why"), (2, "why"), (1, "why")]
    failed.add([])
    assert failed.counts() == {"schema_violations": 3}


def test_the_newest_come_first_by_category_and_bounded(failed: FailedEvents) -> None:
    failed.add([entry(1), entry(1, 1, "adapter_failures"), entry(2), entry(10)])
    assert [(one.sequence, one.item) for one in failed.list()] == [(10, 0), (2, 0), (1, 1), (1, 0)]
    assert [one.sequence for one in failed.list(Filter("schema_violations"), limit=2)] == [10, 2]
    assert [one.item for one in failed.list(Filter("adapter_failures"))] == [1]
    assert list(failed.list(Filter("no such category"))) == []
    assert failed.counts() == {"adapter_failures": 1, "schema_violations": 3}


def test_a_group_is_kept_whole_or_not_at_all(failed: FailedEvents) -> None:
    broken = entry(2)._replace(category=None)  # type: ignore[arg-type]
    failed.add([entry(9)])
    with pytest.raises(TypeError):
        failed.add([entry(1), entry(2)._replace(row={"x": object()})])
    with pytest.raises(StoreError, match="cannot be written"):
        failed.add([entry(1), entry(2)._replace(sequence={}), broken])  # type: ignore[arg-type]
    assert failed.counts() == {"schema_violations": 1}
    failed.add([entry(1)])
    assert failed.counts() == {"schema_violations": 2}


def test_others_read_while_it_is_written(failed: FailedEvents, tmp_path: Path) -> None:
    other = FailedEvents(tmp_path / "failed.sqlite")
    failed.add([entry(1)])
    reading = other.list()
    assert next(reading) == entry(1)
    failed.add([entry(2)])
    assert other.counts() == {"schema_violations": 2}
    reading.close()
    other.close()


def test_entries_outlive_the_process(tmp_path: Path) -> None:
    for sequence in (1, 2):
        failed = FailedEvents(tmp_path / "failed.sqlite")
        failed.add([entry(sequence)])
        failed.close()
    failed = FailedEvents(tmp_path / "failed.sqlite")
    assert failed.counts() == {"schema_violations": 2}
    failed.close()


def test_a_full_disk_keeps_what_is_there_and_passes(tmp_path: Path) -> None:
    failed = FailedEvents(tmp_path / "failed.sqlite")
    failed.add([entry(1)])
    # SQLite's own bound stands in for that of the disk.
    (pages,) = failed._database.execute("PRAGMA page_count").fetchone()
    failed._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFullError, match="free disk space"):
        failed.add([entry(number) for number in range(2, 500)])
    assert failed.counts() == {"schema_violations": 1}
    failed._database.execute(f"PRAGMA max_page_count = {pages + 100}")
    failed.add([entry(number) for number in range(2, 500)])
    assert failed.counts() == {"schema_violations": 499}
    failed.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "failed.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(StoreError, match=r"failed events at .*failed\.sqlite cannot be opened"):
        FailedEvents(tmp_path / "failed.sqlite")
    with pytest.raises(StoreError):
        FailedEvents(tmp_path / "nowhere" / "failed.sqlite")


def test_somebody_elses_lock_is_an_error_that_says_so(tmp_path: Path) -> None:
    failed = FailedEvents(tmp_path / "failed.sqlite")
    failed._database.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "failed.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        failed.add([entry(1)])
    other.execute("ROLLBACK")
    other.close()
    failed.add([entry(1)])
    failed.close()


def test_they_are_found_by_what_they_are(failed: FailedEvents) -> None:
    first = entry(1)._replace(app_id="shop", time=100)
    second = entry(2, reason="not valid against iglu:com.acme/a")._replace(app_id="blog", time=200, whole=False)
    failed.add([first, second])
    failed.add([], [Replayed(1, 0, 7)])
    waiting, replayed = Filter(state="waiting"), Filter(state="replayed")
    for wanted, found in (
        (Filter(), [2, 1]),
        (Filter(app_id="shop"), [1]),
        (Filter(text="iglu:com.acme/"), [2]),
        (Filter(text="%"), []),
        (Filter(since=200), [2]),
        (Filter(until=200), [1]),
        (waiting, [2]),
        (replayed, [1]),
        (Filter("schema_violations", "blog", "valid", 0, 201, "waiting"), [2]),
    ):
        assert [one.sequence for one in failed.list(wanted)] == found, wanted
        assert failed.count(wanted) == len(found), wanted
        assert [one.sequence for one in failed.after(0, -1, wanted)] == found[::-1], wanted
    assert [one.sequence for one in failed.after(1, 0)] == [2]
    assert failed.get(2, 0) == second


def test_what_came_of_a_replay_is_kept_once(failed: FailedEvents) -> None:
    failed.add([entry(1)])
    for _ in range(2):
        failed.add([], [Replayed(1, 0, 5, ("adapter_failures", "another", {"x": 1}))])
    found = failed.get(1, 0)
    assert found is not None
    assert (found.category, found.reason, found.row, found.tries, found.tried) == (
        "adapter_failures", "another", {"x": 1}, 1, 5,
    )  # fmt: skip
    for _ in range(2):
        failed.add([], [Replayed(1, 0, 9), Replayed(404, 0, 9)])
    found = failed.get(1, 0)
    assert found is not None
    assert (found.replayed, found.tries, found.reason) == (9, 2, "another")
    assert (failed.replayed_by(1, 0), failed.replayed_by(404, 0)) == (9, None)
    assert failed.count() == 1


def test_a_database_of_an_older_release_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    old = sqlite3.connect(path)
    old.execute(
        "CREATE TABLE failed_events (sequence INTEGER NOT NULL, item INTEGER NOT NULL, time INTEGER NOT NULL, "
        "category TEXT NOT NULL, reason TEXT NOT NULL, row BLOB NOT NULL, PRIMARY KEY (sequence, item)) WITHOUT ROWID"
    )
    old.execute("INSERT INTO failed_events VALUES (1, 0, 5, 'schema_violations', 'why', '{}')")
    old.commit()
    old.close()
    for _ in range(2):
        failed = FailedEvents(path)
        assert list(failed.list()) == [Failed(1, 0, 5, "schema_violations", "why", {})]
        failed.add([], [Replayed(1, 0, 3, ("schema_violations", "why", {}))])
        failed.add([Failed(1, 0, 5, "schema_violations", "why", {})])
        assert failed.replayed_by(1, 0) is None
        failed.trim(0, 2**30)
        failed.close()
        reset = sqlite3.connect(path)
        reset.execute("UPDATE failed_events SET tries = 0, tried = NULL")
        reset.commit()
        reset.close()
