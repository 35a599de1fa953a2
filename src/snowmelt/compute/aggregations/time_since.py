"""How long ago something happened."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Self

from snowmelt.compute.aggregations.base import Aggregation, Moment
from snowmelt.definitions.attribute import Attribute

MS_PER_UNIT = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


class TimeSinceLast(Aggregation):
    """The time from the latest matching event to the moment of reading, in ``unit``; never below zero.

    Args:
        unit: ``s``, ``min``, ``h`` or ``d``.

    Cost: 9 bytes.

    >>> TimeSinceLast("min").result(60_000, now=150_000)
    1.5
    """

    takes = "event"
    timed = True
    outlasts = True

    def __init__(self, unit: str) -> None:
        self._unit = MS_PER_UNIT[unit]

    @classmethod
    def of(cls, attribute: Attribute) -> Self:
        return cls(attribute.time_unit or "s")

    def start(self, value: Any, at: Moment) -> int:
        return at[0]

    def add(self, state: int, value: Any, at: Moment) -> int:
        return self.merge(state, at[0])

    def merge(self, a: int, b: int) -> int:
        return max(a, b)

    def since(self, state: int, time: int) -> int | None:
        return state if state >= time else None

    def oldest_seen(self, state: int) -> int:
        return state

    def turns(self, state: int, now: int, bounds: Sequence[float]) -> int | None:
        """When the time since passes a bound, or the whole number before or after it: results may be whole."""
        passed: list[int] = []
        for bound in bounds:
            if math.isfinite(bound):
                for at in (
                    math.floor(Fraction(bound) * self._unit),
                    *(math.floor(bound + k) * self._unit for k in (0, 1)),
                ):
                    # One more on either side, for the rounding of the quotient.
                    passed += (state + at, state + at + 1, state + at + 2)
        return min((at for at in passed if at > max(now, state - 1)), default=None)

    def result(self, state: int, now: int) -> float:
        return max(now - state, 0) / self._unit


class TimeSinceFirst(TimeSinceLast):
    """The time from the earliest matching event to the moment of reading, in ``unit``; never below zero.

    Args:
        unit: ``s``, ``min``, ``h`` or ``d``.

    Cost: 9 bytes.
    """

    outlasts = False

    def merge(self, a: int, b: int) -> int:
        return min(a, b)
