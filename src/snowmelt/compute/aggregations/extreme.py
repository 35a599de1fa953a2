"""The least and the greatest value."""

from abc import abstractmethod
from typing import Any

from snowmelt.compute.aggregations.base import Aggregation, Moment


class _Extreme(Aggregation):
    """Keeps one of two values; equal values (1 and 1.0) settle on the integer, so that order is no matter."""

    takes = "number"

    @abstractmethod
    def _better(self, a: Any, b: Any) -> bool:
        """Whether ``a`` is to be kept rather than a different ``b``."""

    def start(self, value: Any, at: Moment) -> Any:
        return value

    def add(self, state: Any, value: Any, at: Moment) -> Any:
        return self.merge(state, value)

    def merge(self, a: Any, b: Any) -> Any:
        if a == b:
            return a if a.__class__ is int else b
        return a if self._better(a, b) else b

    def result(self, state: Any, now: int) -> Any:
        return state


class Min(_Extreme):
    """The least number (or earliest instant) among the matching events.

    Cost: 1 to 9 bytes.

    >>> Min().merge(3, 2.5)
    2.5
    """

    def _better(self, a: Any, b: Any) -> bool:
        return bool(a < b)


class Max(_Extreme):
    """The greatest number (or latest instant) among the matching events.

    Cost: 1 to 9 bytes.

    >>> Max().merge(3, 2.5)
    3
    """

    def _better(self, a: Any, b: Any) -> bool:
        return bool(a > b)
