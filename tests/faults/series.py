"""Figures that were sampled over time, and whether one of them grows."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

QUARTERS = 4


class Verdict(NamedTuple):
    """Whether a series grew.

    Args:
        name: of the series.
        second: median of the second quarter of the samples: the first one is for settling down.
        last: median of the last quarter.
        allowed: what that may be at most.
    """

    name: str
    second: float
    last: float
    allowed: float

    @property
    def grows(self) -> bool:
        """Whether it is more than is allowed."""
        return self.last > self.allowed


class Tolerance(NamedTuple):
    """How much a series may grow from its second to its last quarter and count as flat.

    Args:
        share: of what it was.
        amount: beside that, in its own unit.
    """

    share: float
    amount: float


def verdicts(rows: Sequence[Mapping[str, float]], tolerances: Mapping[str, Tolerance]) -> list[Verdict]:
    """Judge every series that the samples have.

    Args:
        rows: the samples, in order; a series may be missing in some.
        tolerances: by the end of a series' name; the longest that fits counts.
    """
    found = []
    for name in names(rows):
        values = [row[name] for row in rows if name in row]
        quarter = max(len(values) // QUARTERS, 1)
        second, last = statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])
        fitting = max((end for end in tolerances if name.endswith(end)), key=len)
        tolerance = tolerances[fitting]
        found.append(Verdict(name, second, last, second * (1 + tolerance.share) + tolerance.amount))
    return found


def names(rows: Iterable[Mapping[str, float]]) -> list[str]:
    """The series, in the order in which they came up."""
    return list(dict.fromkeys(name for row in rows for name in row))


def table(rows: Sequence[Mapping[str, float]], columns: Sequence[str], most: int = 20) -> list[str]:
    """Some of the samples as lines of text, evenly over the time, the first and the last among them."""
    step = (len(rows) - 1) / max(min(most, len(rows)) - 1, 1)
    chosen = sorted({round(number * step) for number in range(min(most, len(rows)))})
    cells = [list(columns), *([_text(rows[number].get(name)) for name in columns] for number in chosen)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.2f}"
