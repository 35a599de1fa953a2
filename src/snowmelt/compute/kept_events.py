"""The newest events of one session, each with some of its values: what an event log keeps."""

from collections.abc import Sequence
from typing import Any

import msgspec

from snowmelt.compute.aggregations.base import Aggregation, Moment
from snowmelt.compute.state import narrowed

LONGEST_TEXT = 1_000
"""Longer texts (characters) are cut to this length; the last character is then :data:`CUT`."""

LARGEST_NESTED = 1_000
"""Larger lists and objects (bytes in MessagePack) are left out; so are those nested deeper than :data:`DEEPEST`."""

DEEPEST = 16
"""Levels of lists and objects that are kept."""

LARGEST_ENTRY = 8_000
"""What all values of one event may take together (bytes in MessagePack); those beyond it are left out."""

CUT = "\N{HORIZONTAL ELLIPSIS}"
"""Ends a text that was cut, and stands for a value that was left out."""

LONGEST_ID = 64
"""Characters of an event's id that are kept to order events of one instant; trackers send 36."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def packed(selection: int, values: Sequence[Any]) -> bytes:
    """The values of one event as they are kept.

    Args:
        selection: which of the log's selections chose the event.
        values: in the order of the selection; ``None`` where the event has none.

    >>> unpacked(packed(0, ["/", None, {"a": [1]}, "x" * 2_000]))[1][3][-3:]
    'xx…'
    """
    kept = [selection, *[_fitting(value) for value in values]]
    entry = _encode(kept)
    if len(entry) <= LARGEST_ENTRY:
        return entry
    room = LARGEST_ENTRY
    for place, value in enumerate(kept):
        room -= len(_encode(value))
        if room < 0 and value is not None:
            room += len(_encode(value))
            kept[place] = CUT
    return _encode(kept)


def unpacked(entry: bytes) -> tuple[int, list[Any]]:
    """The selection and the values that were packed."""
    selection, *values = _decode(entry)
    return selection, values


class KeptEvents(Aggregation):
    """The newest events, oldest first; of equal times by collector time, event id, and last by what is kept of them.

    Order of arrival cannot matter: an event is dropped only where so many others are newer, and then they are in
    every greater union too; or where it is too old for every read from then on.

    Args:
        most: events that are kept.
        age: ms after which an event is no longer read.

    State: a list of ``[event time, collector time, event id, packed values]``, in order.

    Cost: about 60 bytes and the values for each event; at most 8.5 KB for one, 850 KB for a hundred.

    >>> kept = KeptEvents(most=2, age=1_000)
    >>> state = kept.start(packed(0, ["/"]), (1, 1, "a"))
    >>> for number in (3, 2):
    ...     state = kept.add(state, packed(0, [f"/{number}"]), (number, 3, "b"))
    >>> [unpacked(values)[1] for *_, values in kept.result(state, now=4)]
    [['/2'], ['/3']]
    """

    takes = "entry"
    timed = True

    def __init__(self, most: int, age: int) -> None:
        self.most = most
        self.age = age

    def start(self, value: bytes, at: Moment) -> list[list[Any]]:
        return [[at[0], at[1], at[2][:LONGEST_ID], value]]

    def add(self, state: list[list[Any]], value: bytes, at: Moment) -> list[list[Any]]:
        entry = [at[0], at[1], at[2][:LONGEST_ID], value]
        in_order = entry > state[-1]
        state.append(entry)
        if not in_order:
            state.sort()
        if len(state) > self.most:
            del state[: -self.most]
        return state

    def update(self, state: list[list[Any]] | None, value: bytes, at: Moment, now: int) -> list[list[Any]]:
        """The state after one more event, without what no read from ``now`` on can see; the event itself is not
        older than :meth:`edge`."""
        if state is not None and state[0][0] < (edge := self.edge(now)):
            state = [entry for entry in state if entry[0] >= edge]
        return self.add(state, value, at) if state else self.start(value, at)

    def merge(self, a: list[list[Any]], b: list[list[Any]]) -> list[list[Any]]:
        return sorted([*a, *b])[-self.most :]

    def result(self, state: list[list[Any]], now: int) -> list[list[Any]]:
        edge = self.edge(now)
        return [entry for entry in state[-self.most :] if entry[0] >= edge]

    def edge(self, now: int) -> int:
        """The instant (ms) that an event must have happened at, or later, to be read at ``now``."""
        return now - self.age


def _fitting(value: Any) -> Any:
    """A value as it can be kept."""
    if value.__class__ is str:
        return value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + CUT
    if value.__class__ is int:
        return narrowed(value)
    if value.__class__ is list or value.__class__ is dict:
        try:
            nested = _nested(value, DEEPEST)
        except _TooDeepError:
            return CUT
        return nested if len(_encode(nested)) <= LARGEST_NESTED else CUT
    return value


class _TooDeepError(ValueError):
    """A value is nested deeper than is kept."""


def _nested(value: Any, levels: int) -> Any:
    if value.__class__ is int:
        return narrowed(value)
    if not isinstance(value, list | dict):
        return value
    if not levels:
        raise _TooDeepError
    if isinstance(value, list):
        return [_nested(item, levels - 1) for item in value]
    return {name: _nested(item, levels - 1) for name, item in value.items()}
