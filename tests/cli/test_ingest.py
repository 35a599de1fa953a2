"""``snowmelt ingest``: the good lines are in the log, the others are told and kept."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from snowmelt.cli.importer import CATEGORY, FIRST_ITEM, WRONG_FORMAT
from snowmelt.demo.workload import shop_lines
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import Failed, FailedEvents

GOOD = b'{"app_id":"shop"}'


@pytest.fixture
def ingest(run: Any, data: Path) -> Any:
    return lambda *files, format="enriched-json", **more: run(
        "ingest", *files, "--format", format, "--data-dir", data, **more
    )


def _records(data: Path) -> list[Any]:
    log = EventLog(data / "log")
    records = list(log.follow())
    log.close()
    return records


def _failed(data: Path) -> list[Failed]:
    failed = FailedEvents(data / "failed.sqlite")
    found = list(failed.list(limit=10_000))
    failed.close()
    return found


def test_every_line_of_every_file_is_appended_in_order(ingest: Any, data: Path, tmp_path: Path) -> None:
    lines = shop_lines(1_200, users=10)
    (tmp_path / "one.json").write_bytes(b"\n".join(lines[:700]) + b"\n")
    (tmp_path / "two.json.gz").write_bytes(gzip.compress(b"\r\n".join(lines[700:]) + b"\n\n"))
    result = ingest("one.json", "two.json.gz")
    assert result.exit_code == 0, result.output
    assert result.stdout == "1,200 lines, 1,200 appended, 0 unreadable\n"
    records = _records(data)
    assert {record.kind for record in records} == {Kind.EVENTS}
    assert max(record.body.count(b"\n") + 1 for record in records) <= 500
    assert sum(record.body.count(b"\n") + 1 for record in records) == 1_200
    assert not _failed(data)


def test_bad_lines_are_told_and_kept_and_the_good_ones_are_in(ingest: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "mixed.json").write_bytes(b"\n".join([b"{", GOOD, b"[]", b"", GOOD, b""]))
    result = ingest("mixed.json")
    assert result.exit_code == 1
    assert result.stdout == "4 lines, 2 appended, 2 unreadable\n"
    assert "mixed.json:1: " in result.stderr
    assert "mixed.json:3: " in result.stderr
    assert f"snowmelt failed list --category {CATEGORY}" in result.stderr
    [record] = _records(data)
    assert record.body == GOOD + b"\n" + GOOD
    second, first = _failed(data)
    assert (first.sequence, first.item, first.category) == (record.sequence, FIRST_ITEM, CATEGORY)
    assert first.reason.startswith("mixed.json:1: ")
    assert first.row["data"]["payload"] == "{"  # type: ignore[index]
    assert second.item == FIRST_ITEM + 1


def test_failed_lines_of_many_runs_never_share_a_name(ingest: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "mixed.json").write_bytes(b"{\n" + GOOD + b"\n{\n")
    (tmp_path / "bad.json").write_bytes(b"{\n")
    for _ in range(3):
        ingest("bad.json", "mixed.json", "bad.json")
        ingest("bad.json")
    failed = _failed(data)
    # A file of which nothing can be read, and nothing beside it, is the wrong file: it is told, not kept.
    assert len(failed) == 3 * 4
    assert len({(one.sequence, one.item) for one in failed}) == 12


def test_the_wrong_format_ends_soon_and_leaves_nothing(ingest: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "events.json").write_bytes((GOOD + b"\n") * (WRONG_FORMAT * 3))
    result = ingest("events.json", format="enriched-tsv")
    assert result.exit_code == 1
    assert "Is --format right?" in result.stderr
    assert len(result.stderr.splitlines()) < 40
    assert not _records(data)
    assert not _failed(data)


def test_standard_input(ingest: Any, data: Path) -> None:
    assert ingest("-", input=GOOD + b"\n").exit_code == 0
    assert [record.body for record in _records(data)] == [GOOD]


def test_a_missing_file_is_told_before_anything_is_read(ingest: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(GOOD)
    result = ingest("one.json", "two.json")
    assert result.exit_code == 1
    assert "two.json" in result.stderr
    assert not (data / "log").exists()
