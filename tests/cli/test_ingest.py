"""``snowmelt ingest``: the good lines are in the log, the others are told and kept."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from machine import Machine
from snowmelt.cli.importer import WRONG_FORMAT
from snowmelt.demo.workload import shop_lines
from snowmelt.enrichment.unreadable import CATEGORY
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import Failed

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
    """What the engine makes of the log."""
    machine = Machine(data)
    machine.run()
    found = list(machine.failed.list(limit=10_000))
    machine.close()
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
    good, bad = _records(data)
    assert (good.kind, good.body) == (Kind.EVENTS, GOOD + b"\n" + GOOD)
    second, first = _failed(data)
    assert (first.sequence, first.item, first.category) == (bad.sequence, 0, CATEGORY)
    assert first.reason.startswith("mixed.json:1: ")
    assert first.row["data"]["payload"] == "{"  # type: ignore[index]
    assert second.reason.startswith("mixed.json:3: ")


def test_bad_lines_are_kept_once_something_was_readable(ingest: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "mixed.json").write_bytes(b"{\n" + GOOD + b"\n{\n")
    (tmp_path / "bad.json").write_bytes(b"{\n")
    for _ in range(3):
        # A file of which nothing can be read, and nothing beside it, is the wrong file: it is told, not kept.
        assert ingest("bad.json").exit_code == 1
        assert not _records(data)
    assert ingest("bad.json", "mixed.json").stdout == "4 lines, 1 appended, 3 unreadable\n"
    assert len(_failed(data)) == 3
    # Now it is known that all of it was taken.
    assert ingest("bad.json", "mixed.json").stdout == "0 lines, 0 appended, 0 unreadable\n"
    assert len(_failed(data)) == 3


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


def _appended(data: Path) -> list[bytes]:
    return [line for record in _records(data) for line in record.body.split(b"\n")]


@pytest.mark.parametrize("compressed", [False, True])
def test_an_import_that_broke_off_goes_on_where_it_was(
    ingest: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    lines = [line + b" " * 2_000 for line in shop_lines(3_000, users=10)]  # more than two blocks of the reader
    content = b"\n".join(lines) + b"\n"
    path = tmp_path / "events.json"
    path.write_bytes(gzip.compress(content, 1) if compressed else content)
    whole = EventLog.append
    calls = 0

    def second_is_the_last(self: EventLog, *arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return whole(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(EventLog, "append", second_is_the_last)
        ingest("events.json")
    assert 0 < len(_appended(data)) < 3_000
    result = ingest("events.json")
    assert result.exit_code == 0, result.output
    assert "lines were imported before" in result.stderr
    assert [json.loads(line)["event_id"] for line in _appended(data)] == [
        json.loads(line)["event_id"] for line in lines
    ]
    # What was taken whole is not even opened again, which counts for compressed files.
    monkeypatch.setattr("snowmelt.cli.line_source.read_blocks", None)
    assert ingest("events.json").stdout == "0 lines, 0 appended, 0 unreadable\n"


def test_what_was_added_to_a_file_is_imported_and_a_new_file_of_its_name_is_another(
    ingest: Any, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.json"
    path.write_bytes(b'{"app_id":"a"}\n{"app_id":"b"}\n')
    ingest("events.json")
    with path.open("ab") as file:
        file.write(b'{"app_id":"c"}\n{\n')
    assert "events.json:4: " in ingest(path).stderr  # by another path to it, and with the right number
    assert _appended(data)[:3] == [b'{"app_id":"a"}', b'{"app_id":"b"}', b'{"app_id":"c"}']
    path.write_bytes(b'{"app_id":"d"}\n')
    ingest("events.json")
    path.write_bytes(b'{"app_id":"e"}\n' * 5)
    ingest("events.json")
    assert _appended(data)[-6:] == [b'{"app_id":"d"}', *[b'{"app_id":"e"}'] * 5]
    ingest("events.json", "--again")
    assert _appended(data)[-5:] == [b'{"app_id":"e"}'] * 5
    assert len(_appended(data)) == 4 + 1 + 5 + 5


def test_folders_and_patterns(ingest: Any, data: Path, tmp_path: Path) -> None:
    for name in ("in/b.json", "in/deep/a.json", "in/.hidden.json", "in/growing.json.part", "other.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b'{"app_id":"%s"}\n' % name.encode())
    assert ingest("in", "in/b.json", "*.json").exit_code == 0
    assert _appended(data) == [b'{"app_id":"in/b.json"}', b'{"app_id":"in/deep/a.json"}', b'{"app_id":"other.json"}']
    result = ingest("in", "nothing-*.json")
    assert (result.exit_code, len(_appended(data))) == (1, 3)
    assert "nothing-*.json" in result.stderr
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "a.json.part").write_bytes(GOOD)
    result = ingest("unfinished")
    assert result.exit_code == 1
    assert "1 hidden, .part and .tmp files in it are passed over" in " ".join(result.stderr.split())


def test_what_only_files_or_only_topics_know_is_refused(ingest: Any, run: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(GOOD)
    assert "--until-end is for kafka://" in ingest("one.json", "--until-end").stderr
    assert "--again is for files" in ingest("kafka://localhost/topic", "--again").stderr
    assert "is to be the only source" in ingest("kafka://localhost/topic", "one.json").stderr
    assert "say what each line is" in run("ingest", "one.json", "--data-dir", data).stderr
    assert not (data / "log").exists()
