"""``snowmelt failed``: listing failed events, and looking at one."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from snowmelt.cli.failed import CATEGORIES
from snowmelt.enrichment.failed import Category
from snowmelt.enrichment.unreadable import CATEGORY as IMPORTED
from snowmelt.stores.failed_events import Failed, FailedEvents

ENTRIES = [
    Failed(4, 0, 1_741_082_405_158, "schema_violations", "price: not a number", {"schema": "iglu:x", "data": {}}),
    Failed(4, 1, 1_741_082_405_158, "schema_violations", "tab\tand\nline", {"data": [1]}),
    Failed(9, 0, 1_741_082_406_000, "adapter_failures", "nobody knows acme/v1", {"data": "ä"}),
]


@pytest.fixture
def failed(run: Any, data: Path) -> Any:
    store = FailedEvents(data / "failed.sqlite")
    store.add(ENTRIES)
    store.close()
    return lambda *arguments: run("failed", *arguments, "--data-dir", data)


def test_the_newest_come_first(failed: Any) -> None:
    lines = failed("list").stdout.splitlines()
    assert lines[0].split("\t") == ["sequence", "item", "time", "category", "state", "reason"]
    assert lines[1].split("\t") == [
        "9", "0", "2025-03-04T10:00:06Z", "adapter_failures", "waiting", "nobody knows acme/v1",
    ]  # fmt: skip
    assert [line.split("\t")[:2] for line in lines[2:]] == [["4", "1"], ["4", "0"]]
    assert lines[2].endswith("\ttab and line")


def test_by_category_and_at_most_so_many(failed: Any) -> None:
    lines = failed("list", "--category", "schema_violations", "--limit", "1").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines[1:]] == [["4", "1"]]


def test_a_category_that_nothing_is_filed_under(failed: Any) -> None:
    assert failed("list", "--category", "generic_error").exit_code == 0
    result = failed("list", "--category", "foo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no category foo; there is adapter_failures, " in result.stderr


def test_every_category_is_known() -> None:
    assert set(CATEGORIES) == {*get_args(Category), IMPORTED}


def test_as_json_lines(failed: Any) -> None:
    found = [json.loads(line) for line in failed("list", "--json").stdout.splitlines()]
    assert found == [entry._asdict() for entry in reversed(ENTRIES)]


def test_one_in_full(failed: Any) -> None:
    assert json.loads(failed("show", 9, 0).stdout) == {"data": "ä"}


def test_one_that_is_not_there(failed: Any) -> None:
    result = failed("show", 9, 1)
    assert result.exit_code == 1
    assert "snowmelt failed list" in result.stderr


def test_a_folder_where_nothing_ran_is_left_alone(run: Any, data: Path) -> None:
    assert run("failed", "list", "--data-dir", data).exit_code == 1
    assert list(data.iterdir()) == []
