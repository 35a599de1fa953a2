"""How long ago something happened."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
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
        spans = _passing(tuple(bounds), self._unit)
        place = bisect_right(spans, max(now - state, -1))
        return state + spans[place] if place < len(spans) else None

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


@lru_cache(maxsize=1_000)
def _passing(bounds: tuple[float, ...], unit: int) -> list[int]:
    """How many ms after an event its time passes a bound, or the whole number before or after it, in order."""
    spans: set[int] = set()
    for bound in filter(math.isfinite, bounds):
        for span in (math.floor(Fraction(bound) * unit), *(math.floor(bound + k) * unit for k in (0, 1))):
            # One more on either side, for the rounding of the quotient.
            spans.update((span, span + 1, span + 2))
    return sorted(spans)
