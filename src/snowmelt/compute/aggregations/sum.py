"""The exact sum of numbers, whatever their order."""

from collections.abc import Iterable
from fractions import Fraction
from math import fsum, modf
from typing import Any

from snowmelt.compute.aggregations.base import Aggregation, Moment

Number = int | float

_LARGE = 2.0**960
"""Doubles from here on are whole numbers; they are added as integers, so that no partial ever overflows."""

_INT64 = 2**63


def add_exactly(state: list[Any], value: Number) -> list[Any]:
    """Add a number to ``[whole, partial, ...]`` in place, without rounding.

    ``whole`` is the exact sum of the integers (as text once it outgrows 64 bits, which the storage format
    cannot hold). The partials are doubles that do not overlap and whose mathematical sum is exactly that of
    all doubles added: Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric
    Predicates" (1997), Grow-Expansion. Prices need one or two of them; 40 is the most that doubles allow.
    """
    if value.__class__ is int or not -_LARGE < value < _LARGE:
        whole = int(state[0]) + int(value)
        state[0] = whole if -_INT64 <= whole < _INT64 else str(whole)
        return state
    kept = 1
    for index in range(1, len(state)):
        partial = state[index]
        if abs(value) < abs(partial):
            value, partial = partial, value
        high = value + partial
        low = partial - (high - value)
        if low:
            state[kept] = low
            kept += 1
        value = high
    if not -_LARGE < value < _LARGE:
        state[kept:] = []
        return add_exactly(state, int(value))
    state[kept:] = [value]
    return state


def exact_total(state: list[Any]) -> Number | Fraction:
    """The sum that ``[whole, partial, ...]`` stands for: an integer if it is whole, else the nearest double.

    A fraction beyond 2**53 stays one, so that a cast to an integer and one to a double each round it once. The
    partials may overlap.
    """
    if len(state) == 2 and state[0] == 0:
        only: float = state[1]
        return int(only) if only.is_integer() else only
    whole, partials = int(state[0]), state[1:]
    fractions = [modf(partial)[0] for partial in partials]
    fraction = fsum(fractions)
    if fraction.is_integer() and not fsum([-fraction, *fractions]):
        return whole + int(fraction) + sum(map(int, partials))
    if -(2**53) <= whole <= 2**53:
        return fsum([float(whole), *partials])
    # Too large for a double to be added exactly; rare enough to be slow.
    return sum(map(Fraction, partials), Fraction(whole))


def merge_exactly(a: list[Any], b: list[Any]) -> list[Any]:
    """The exact state of both sums, as a new list."""
    merged = add_exactly(a.copy(), int(b[0]))
    for partial in b[1:]:
        add_exactly(merged, partial)
    return merged


def join_exactly(states: Iterable[list[Any]]) -> list[Any]:
    """A state of all sums, only to be read: its partials may overlap, and so there may be many of them."""
    whole, partials = 0, list[float]()
    for state in states:
        whole += int(state[0])
        partials += state[1:]
    return [whole, *partials]


class Sum(Aggregation):
    """The sum of a number over the matching events: exact for integers, correctly rounded for doubles.

    Cost: about 11 bytes for prices; at most 400 for numbers chosen to be hard.

    >>> total = Sum()
    >>> state = total.start(0.1, (0, 0, "a"))
    >>> for _ in range(9):
    ...     state = total.add(state, 0.1, (0, 0, "a"))
    >>> total.result(state, now=0)
    1.0
    """

    takes = "number"

    def start(self, value: Number, at: Moment) -> list[Any]:
        return add_exactly([0], value)

    def add(self, state: list[Any], value: Number, at: Moment) -> list[Any]:
        return add_exactly(state, value)

    def merge(self, a: list[Any], b: list[Any]) -> list[Any]:
        return merge_exactly(a, b)

    def join_all(self, states: Iterable[list[Any]]) -> list[Any] | None:
        parts = list(states)
        return join_exactly(parts) if parts else None

    def result(self, state: list[Any], now: int) -> Number | Fraction:
        return exact_total(state)
