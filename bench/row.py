"""One line of a benchmark's table."""

import statistics
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """A figure, and what it is to be compared with.

    Args:
        what: what was measured.
        figure: the median of the runs, with its unit.
        spread: least and greatest of the runs.
        ratio: to something measured in the same run, and to what.
        budget: what the design asks for; empty if nothing.
    """

    what: str
    figure: str
    spread: str = ""
    ratio: str = ""
    budget: str = ""


def repeated(runs: int, measure: Callable[[], float]) -> tuple[float, float, float]:
    """Least, median and greatest of several runs."""
    return spread([measure() for _ in range(runs)])


def spread(figures: list[float]) -> tuple[float, float, float]:
    """Least, median and greatest."""
    return min(figures), statistics.median(figures), max(figures)


def rate_row(what: str, rates: tuple[float, float, float], unit: str, ratio: str = "", budget: str = "") -> Row:
    """A row for rates a second."""
    least, median, greatest = rates
    return Row(what, f"{median:,.0f} {unit}/s", f"{least:,.0f} - {greatest:,.0f}", ratio, budget)


def percentile(values: list[float], percent: float) -> float:
    """The value that ``percent`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
