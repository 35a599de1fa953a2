"""Every benchmark runs, at a small size, and has its place in the documents."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bench import reads
from bench.__main__ import BENCHES, PAGE, table
from bench.rivals import PROGRAMS

from snowmelt.demo.workload import shop_lines

SMALL: Mapping[str, Mapping[str, Any]] = {
    "engine": {"EVENTS": 2_000, "USERS": 50, "RUNS": 1, "ATTRIBUTES": 20},
    "firing": {"EVENTS": 2_000, "USERS": 50, "KNOWN_USERS": 20, "RUNS": 1},
    "rivals": {"EVENTS": 2_000, "USERS": 50, "RUNS": 1},
    "reads": {"RUNS": 1, "SECONDS": 0.0001, "CROWDED": reads.CROWDED._replace(events=10)},
    "memory": {"STAGES": (300, 600, 900), "AT_ONCE": 200},
    "server": {"RUNS": 1, "SECONDS": 0.2, "FRESHNESS_SECONDS": 0.3},
    "sizing": {"SETUPS": ((1, 1),), "RUNS": 1, "SECONDS": 0.2},
    # Without Feast, whose environment is large: what its server is to answer is checked all the same.
    "reads-http": {"RUNS": 1, "SECONDS": 0.2, "WITH_FEAST": False},
    "streams": {"STREAMS": (20,), "SECONDS": 0.3},
    "start": {"RUNS": 1},
    "timers": {"PENDING": 300, "RETURNING": 50, "TOGETHER": 20, "ROUNDS": 1, "AHEAD_MS": 2_000, "IDLE_SECONDS": 0.2},
}

SLOW = frozenset({"rivals", "sizing", "start", "streams", "timers"})
"""These run in `make nightly` only: they take as long as all others, and what they measure has tests of its own."""
RUN = [name for name in BENCHES if name not in SLOW or os.environ.get("HYPOTHESIS_PROFILE") == "nightly"]


@pytest.mark.process
@pytest.mark.parametrize("name", RUN)
def test_every_benchmark_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(f"bench.{name.replace('-', '_')}")
    for constant, value in SMALL[name].items():
        monkeypatch.setattr(module, constant, value)
    rows = BENCHES[name](tmp_path)
    assert table(rows).count("\n") == len(rows) + 1
    assert len({row.what for row in rows}) == len(rows) > 1
    assert all(any(map(str.isdigit, row.figure)) for row in rows)


@pytest.mark.parametrize("name", BENCHES)
def test_every_benchmark_has_its_table(name: str) -> None:
    text = PAGE.read_text()
    assert text.count(f"<!-- {name} -->\n") == text.count(f"\n<!-- /{name} -->") == 1


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What the programs of other libraries share; it needs none of them."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    return import_module("shop")


def test_totals_that_are_wrong_are_no_result(
    shop: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = tmp_path / "events.json"
    lines = shop_lines(200, 5)
    events.write_bytes(b"\n".join(lines))
    totals = shop.plain_count(lines)
    shop.report(events, lambda records: lambda: totals)
    assert "rate" in capsys.readouterr().out
    views, carts, value = totals.popitem()[1]
    for wrong in ({}, {"somebody": (views, carts, value + 0.01)}):
        with pytest.raises(AssertionError, match="not those of a plain count"):
            shop.report(events, lambda records, wrong=wrong: lambda: totals | wrong)
    assert not capsys.readouterr().out
