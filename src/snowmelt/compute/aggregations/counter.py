"""How many events there were."""

from typing import Any

from snowmelt.compute.aggregations.base import Aggregation, Moment


class Counter(Aggregation):
    """The number of matching events.

    Cost: 1 to 9 bytes.

    >>> counter = Counter()
    >>> counter.result(counter.add(counter.start(None, (0, 0, "a")), None, (1, 1, "b")), now=2)
    2
    """

    takes = "event"
    inline = ("1", "state + 1")

    def start(self, value: Any, at: Moment) -> int:
        return 1

    def add(self, state: int, value: Any, at: Moment) -> int:
        return state + 1

    def merge(self, a: int, b: int) -> int:
        return a + b

    def result(self, state: int, now: int) -> int:
        return state
