"""The value that came first, and the one that came last, by event time."""

from typing import Any

from snowmelt.compute.aggregations.base import Aggregation, Moment


class First(Aggregation):
    """The value of the earliest event; of equal times the smallest collector time, then event id.

    Cost: the value and about 58 bytes for the moment.

    >>> first = First()
    >>> first.result(first.add(first.start("b", (2, 2, "x")), "a", (1, 3, "y")), now=4)
    'a'
    """

    takes = "scalar"
    timed = True

    def start(self, value: Any, at: Moment) -> list[Any]:
        return [*at, value]

    def add(self, state: list[Any], value: Any, at: Moment) -> list[Any]:
        return self.merge(state, [*at, value])

    def merge(self, a: list[Any], b: list[Any]) -> list[Any]:
        return a if a[:3] <= b[:3] else b

    def result(self, state: list[Any], now: int) -> Any:
        return state[3]


class Last(First):
    """The value of the latest event; of equal times the greatest collector time, then event id.

    In a period only the latest event matters, so that no tiles are kept.

    Cost: the value and about 58 bytes for the moment.

    >>> last = Last()
    >>> last.result(last.add(last.start("b", (2, 2, "x")), "a", (1, 3, "y")), now=4)
    'b'
    """

    outlasts = True

    def merge(self, a: list[Any], b: list[Any]) -> list[Any]:
        # Of the values of one event the one that is given last.
        return a if a[:3] > b[:3] else b

    def since(self, state: list[Any], time: int) -> list[Any] | None:
        return state if state[0] >= time else None

    def oldest_seen(self, state: list[Any]) -> int:
        return int(state[0])
