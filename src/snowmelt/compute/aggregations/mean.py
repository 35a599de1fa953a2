"""The arithmetic mean."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from snowmelt.compute.aggregations.base import Aggregation, Moment
from snowmelt.compute.aggregations.sum import Number, add_exactly, exact_total, join_exactly, merge_exactly


class Mean(Aggregation):
    """The mean of a number over the matching events: exact sum divided by count.

    Cost: a sum and 1 to 9 bytes.

    >>> mean = Mean()
    >>> mean.result(mean.add(mean.start(1, (0, 0, "a")), 2, (0, 0, "b")), now=0)
    1.5
    """

    takes = "number"

    def start(self, value: Number, at: Moment) -> list[Any]:
        return [1, add_exactly([0], value)]

    def add(self, state: list[Any], value: Number, at: Moment) -> list[Any]:
        state[0] += 1
        add_exactly(state[1], value)
        return state

    def merge(self, a: list[Any], b: list[Any]) -> list[Any]:
        return [a[0] + b[0], merge_exactly(a[1], b[1])]

    def join_all(self, states: Iterable[list[Any]]) -> list[Any] | None:
        parts = list(states)
        return [sum(part[0] for part in parts), join_exactly(part[1] for part in parts)] if parts else None

    def result(self, state: list[Any], now: int) -> Number:
        count, total = state[0], exact_total(state[1])
        try:
            return float(total / count)
        except OverflowError:
            # The sum is beyond a double although its mean is not.
            mean = Fraction(total) / count
            try:
                return float(mean)
            except OverflowError:
                return int(mean)
