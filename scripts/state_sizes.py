"""How many bytes each aggregation keeps for one attribute of one profile: usually, and at the very most.

The states are grown from events, as the engine grows them. What is usual is a guess at usual events: a hundred, an
hour apart, with prices, and texts of 20 characters of which 20 are different. The most is what events chosen to be
costly can do.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import msgspec

from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.plan import AGGREGATIONS, AttributePlan, plan_group
from snowmelt.compute.scopes import SEGMENTS, TILES, Period
from snowmelt.definitions import AttributeGroup

HOUR = 3_600_000
START = 500_000 * HOUR
PERIOD, TTL = 30 * 24 * HOUR, 7 * 24 * HOUR
SCOPES: dict[str, dict[str, str]] = {"always": {}, "`period`": {"period": "P30D"}, "`ttl`": {"ttl": "P7D"}}

Stream = Iterator[tuple[int, Any]]


@cache
def table() -> str:
    """A row for each aggregation: usual and greatest bytes in each scope."""
    rows = [
        f"| `{name}` | " + " | ".join(f"{usual(name, scope):,} | {most(name, scope):,}" for scope in SCOPES) + " |"
        for name in AGGREGATIONS
    ]
    heads = " | ".join(f"{scope}: usual | at most" for scope in SCOPES)
    return "\n".join([f"| aggregation | {heads} |", "| --- |" + " --- |" * 2 * len(SCOPES), *rows])


def plan_of(name: str, scope: str) -> AttributePlan:
    """How an attribute of an aggregation is computed."""
    attribute = {"name": "a", "type": "double", "aggregation": name, "time_unit": "s", "percentile": 50, "events": []}
    wire = {
        "name": "g",
        "owner": "a@example.com",
        "attribute_key": {"name": "user_id"},
        "attributes": [attribute | {"property": {"type": "atomic", "name": "user_id"}} | SCOPES[scope]],
    }
    return plan_group(AttributeGroup.model_validate(wire)).attributes[0]


def usual(name: str, scope: str) -> int:
    """Bytes after a hundred usual events, one an hour."""
    plan = plan_of(name, scope)
    values = {"event": lambda number: None, "number": lambda number: 19.99 + number % 37 * 3.5}
    value = values.get(plan.takes, lambda number: f"/products/lamps/{number * 7 % 20:04}")
    return grown(plan.keeps, ((START + number * HOUR, value(number)) for number in range(100)), bytes_of)


def most(name: str, scope: str) -> int:
    """The greatest number of bytes on the way through events that are chosen to be costly."""
    plan = plan_of(name, scope)
    return max(grown(plan.keeps, stream, bytes_at_most) for stream in streams(plan, scope))


def streams(plan: AttributePlan, scope: str) -> Iterator[Stream]:
    """What makes states large: very many values in one place, in every tile, or in each stretch of activity."""
    for value in costly(plan):
        is_long = isinstance(value(0), str) and len(value(0)) > 100
        if scope == "`period`":
            for each in (1, 9) if is_long else (1, 9, 500):
                yield ((START + tile * PERIOD // TILES, value(tile * each + number)) for tile, number in grid(each))
        else:
            each = 140 if is_long else 1_010
            yield ((START + stretch * TTL, value(number)) for stretch, number in grid(each, SEGMENTS))


def grid(columns: int, rows: int = TILES + 1) -> Iterator[tuple[int, int]]:
    """All pairs of a row and a column, row by row."""
    return ((row, column) for row in range(rows) for column in range(columns))


def costly(plan: AttributePlan) -> Iterator[Callable[[int], Any]]:
    """Ways to make values that take much room."""
    if plan.takes == "event":
        yield lambda number: None
    elif plan.takes == "number":
        yield lambda number: (2e307, 5e-324, -1e300 / 3, 2**53 + 1.0, 1e-160, 1e160)[number % 6] * (1 + number % 7)
        yield lambda number: number / 3
    else:
        longest = plan.keeps.longest_text
        yield lambda number: f"{number:05}"
        yield lambda number: f"{number:05}" + "😀" * (longest - 5)


def grown(keeps: Aggregation, stream: Stream, size: Callable[[Any], int]) -> int:
    """The greatest size of the state on the way through a stream."""
    state: Any = None
    greatest = 0
    for number, (time, value) in enumerate(stream):
        at = (time, time, "8c1bd1a4-1a0c-4c5e-9ad4-0b7c5c1f2a3b")
        if isinstance(keeps, Period):
            state = keeps.update(state, value, at, time)
        else:
            state = keeps.start(value, at) if state is None else keeps.add(state, value, at)
        # To look takes longer than to add. No state is at its greatest for a moment only.
        if number < 260 or number % 499 == 0:
            greatest = max(greatest, size(state))
    return max(greatest, size(state))


def bytes_of(state: Any) -> int:
    """What a state takes in the store."""
    return len(msgspec.msgpack.encode(state))


def bytes_at_most(state: Any) -> int:
    """What it would take if every count and time in it were as great as it may get."""
    return bytes_of(_widened(state))


def _widened(state: Any) -> Any:
    if isinstance(state, dict):
        return {
            _WIDE + place if isinstance(key, int) else key: _widened(value)
            for place, (key, value) in enumerate(state.items())
        }
    if isinstance(state, list):
        return [_widened(item) for item in state]
    return _WIDE if isinstance(state, int) and state else state


_WIDE = 2**62


if __name__ == "__main__":
    print(table())
