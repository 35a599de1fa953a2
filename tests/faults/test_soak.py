"""Everything at once for seconds, as `make soak` does it for twenty minutes; and that growing would be noticed."""

from pathlib import Path

import pytest

from conftest import Server
from faults.processes import MB, usages
from faults.series import Tolerance, table, verdicts
from faults.soak import COLUMNS, report, soak
from faults.traffic import change_definitions
from process_shop import Shop

PASSED = 20
"""Groups that come and go."""


@pytest.mark.process
def test_all_at_once_for_seconds_loses_and_repeats_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = soak(tmp_path, seconds=3)
    report(figures)
    assert figures.differences == []
    assert figures.reads.failed == [] and figures.reads.waits
    assert figures.offered.statuses[200] > 0 and figures.offered.unanswered == 0
    for what in ("events", "failed events", "fired", "received on streams", "posted to the webhook"):
        assert figures.counts[what] > 0, what
    assert {one.name for one in figures.verdicts} >= set(COLUMNS) - {"s"}
    assert "0 differences" in capsys.readouterr().out


@pytest.mark.process
def test_definitions_that_come_and_go_leave_nothing_in_memory(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    shop = Shop(server.url, server.token)
    try:
        shop.publish()
        sizes = []
        for first in (0, PASSED):
            for number in range(first, first + PASSED):
                change_definitions(shop, number)
            server.flush()
            sizes.append({name: one.own for name, one in usages(server.processes()).items()})
        grown = {name: (size - sizes[0][name]) / MB for name, size in sizes[1].items()}
        assert max(grown.values()) < 0.8, grown
    finally:
        shop.http.close()
        server.close()


def rows(*values: float) -> list[dict[str, float]]:
    return [{"engine MB": value, "s": number} for number, value in enumerate(values)]


FLAT = [50, 90, 100, 100, 101, 99, 100, 102, 101, 100, 103, 100]


@pytest.mark.parametrize(
    ("values", "grows"),
    [
        (FLAT, False),
        ([100 + 2 * number for number in range(12)], True),
        ([*FLAT[:-1], 500], False),  # once is no growth
        ([*FLAT[:-3], 120, 120, 120], True),
        ([300, 200, *FLAT[2:]], False),
        ([100], False),
    ],
)
def test_what_grows_after_its_first_quarter_is_told(values: list[float], grows: bool) -> None:
    (judged,) = verdicts([{"engine MB": value} for value in values], {" MB": Tolerance(0.05, 2)})
    assert judged.grows is grows


def test_the_tolerance_of_the_longest_end_counts() -> None:
    series = [{"log disk MB": 10.0 + number, "log MB": 10.0 + number} for number in range(8)]
    found = verdicts(series, {" MB": Tolerance(0, 1), " disk MB": Tolerance(2, 0)})
    assert {one.name: one.grows for one in found} == {"log disk MB": False, "log MB": True}


def test_a_table_has_the_first_and_the_last_sample_and_gaps() -> None:
    lines = table([*rows(*range(99)), {"s": 99}], ("s", "engine MB"), most=5)
    assert [line.split() for line in lines] == [
        ["s", "engine", "MB"],
        ["0", "0"],
        ["25", "25"],
        ["50", "50"],
        ["74", "74"],
        ["99", "-"],
    ]
