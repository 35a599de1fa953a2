"""How long an aggregation remembers: for ever, over a rolling period, or until it was quiet for a while.

A scope wraps an aggregation and is one itself, under the same contract and the same laws.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from snowmelt.compute.aggregations.base import Aggregation, Moment

TILES = 256
"""A period is cut into this many tiles; one more is live while the oldest is only partly inside."""

LONGEST_IN_TILES = 4_096
"""Longer texts (characters) are not kept in tiles, of which there may be 257; no URL of an event is longer."""

BUDGET = 100_000
"""Bytes that the values in all tiles may take together, about; beyond it each tile keeps fewer of them."""

SEGMENTS = 8
"""At most this many stretches of activity are kept for one attribute with a TTL, the newest ones."""


class Period(Aggregation):
    """The events of the last ``period``: those with ``now - period < t <= now``.

    A period is cut into tiles that are aligned to the epoch and ``period / 256`` wide. A tile counts while its
    end is inside the period, so the trailing edge is exact to 0.4 % and the leading edge exact.

    Args:
        inner: what is computed of the events inside.
        period: milliseconds.
    """

    timed = True
    ends = True

    def __init__(self, inner: Aggregation, period: int) -> None:
        self.inner = inner
        self.period = period
        self.takes = inner.takes  # type: ignore[misc]
        self.longest_text = inner.longest_text  # type: ignore[misc]

    @abstractmethod
    def update(self, state: Any, value: Any, at: Moment, now: int) -> Any:
        """The state after one more event, without what no read from ``now`` on can see.

        What :meth:`start` and :meth:`add` do, for a store that must stay small.
        """

    def tile(self, time: int) -> int:
        """The number of the tile that an instant lies in.

        >>> from snowmelt.compute.aggregations.counter import Counter
        >>> Rolling(Counter(), period=256_000).tile(1_999)
        1
        """
        return time * TILES // self.period

    def oldest(self, now: int) -> int:
        """The number of the oldest tile whose end is after ``now - period``."""
        return now * TILES // self.period - TILES

    def opens(self, tile: int) -> int:
        """The first instant of a tile."""
        return -(-tile * self.period // TILES)

    def leaves(self, tile: int) -> int:
        """The first instant at which a tile counts no more.

        >>> from snowmelt.compute.aggregations.counter import Counter
        >>> window = Rolling(Counter(), period=256_000)
        >>> window.leaves(1), window.oldest(257_999), window.oldest(258_000)
        (258000, 1, 2)
        """
        return self.opens(tile + TILES + 1)


class Rolling(Period):
    """A period for any aggregation: a partial state for each tile.

    Args:
        inner: what is computed of the events inside.
        period: milliseconds.

    State: a map of tile number to inner state, at most 257 entries if grown with :meth:`update`.
    """

    def __init__(self, inner: Aggregation, period: int) -> None:
        super().__init__(inner, period)
        self.longest_text = min(inner.longest_text, LONGEST_IN_TILES)  # type: ignore[misc]

    def start(self, value: Any, at: Moment) -> dict[int, Any]:
        return {self.tile(at[0]): self.inner.start(value, at)}

    def add(self, state: dict[int, Any], value: Any, at: Moment) -> dict[int, Any]:
        tile = self.tile(at[0])
        inner = state.get(tile)
        state[tile] = self.inner.start(value, at) if inner is None else self.inner.add(inner, value, at)
        return state

    def merge(self, a: dict[int, Any], b: dict[int, Any]) -> dict[int, Any]:
        merged = a.copy()
        for tile, inner in b.items():
            merged[tile] = self.inner.join(merged.get(tile), inner)
        return merged

    def update(self, state: dict[int, Any] | None, value: Any, at: Moment, now: int) -> dict[int, Any] | None:
        """As :meth:`Period.update`: an event older than the period is ignored; opening a tile drops those that
        have left the period, and holds the others to their budget.
        """
        tile = self.tile(at[0])
        if state is not None and tile in state:
            state[tile] = self.inner.add(state[tile], value, at)
            return state
        state = {} if state is None else self._fitted(self.trimmed(state, now))
        if tile >= self.oldest(now) and len(state) <= TILES:
            state[tile] = self.inner.start(value, at)
        return state or None

    def trimmed(self, state: dict[int, Any], now: int) -> dict[int, Any]:
        """The state without the tiles that ended before the period, as it is at ``now``."""
        oldest = self.oldest(now)
        return {tile: inner for tile, inner in state.items() if tile >= oldest}

    def _fitted(self, state: dict[int, Any]) -> dict[int, Any]:
        """The state within :data:`BUDGET`, or with one value in each tile."""
        most = TILES
        while most > 1 and sum(map(self.inner.weight, state.values())) > BUDGET:
            most //= 4
            state = {tile: self.inner.condensed(inner, most) for tile, inner in state.items()}
        return state

    def is_over(self, state: dict[int, Any], now: int) -> bool:
        return max(state) < self.oldest(now)

    def upgraded(self, state: dict[int, Any], version: int) -> dict[int, Any]:
        return {tile: self.inner.upgraded(inner, version) for tile, inner in state.items()}

    def turns(self, state: dict[int, Any], now: int, bounds: Sequence[float]) -> int | None:
        """When the oldest tile inside leaves, one of the future comes in, or the inner result moves."""
        oldest, newest = self.oldest(now), self.tile(now)
        inside = [tile for tile in state if oldest <= tile <= newest]
        found = [self.leaves(min(inside))] if inside else []
        if len(inside) < len(state):
            found += [self.opens(tile) for tile in state if tile > newest]
        total = self.inner.join_all([state[tile] for tile in inside])
        moved = None if total is None else self.inner.turns(total, now, bounds)
        return min(found if moved is None else [*found, moved], default=None)

    def result(self, state: dict[int, Any], now: int) -> Any:
        oldest, newest = self.oldest(now), self.tile(now)
        inside = [inner for tile, inner in state.items() if oldest <= tile <= newest]
        total = inside[0] if len(inside) == 1 else self.inner.join_all(inside)
        return None if total is None else self.inner.result(total, now)


class Recent(Period):
    """A period for an aggregation that knows when what it holds was last seen: one state does for all tiles.

    Args:
        inner: what is computed of the events inside.
        period: milliseconds.

    State: the inner one.
    """

    def start(self, value: Any, at: Moment) -> Any:
        return self.inner.start(value, at)

    def add(self, state: Any, value: Any, at: Moment) -> Any:
        return self.inner.add(state, value, at)

    def merge(self, a: Any, b: Any) -> Any:
        return self.inner.merge(a, b)

    def update(self, state: Any | None, value: Any, at: Moment, now: int) -> Any | None:
        """As :meth:`Period.update`."""
        edge = self._edge(now)
        if state is not None:
            state = self.inner.since(state, edge)
        if at[0] < edge:
            return state
        return self.inner.start(value, at) if state is None else self.inner.add(state, value, at)

    def result(self, state: Any, now: int) -> Any:
        inside = self.inner.since(state, self._edge(now))
        return None if inside is None else self.inner.result(inside, now)

    def turns(self, state: Any, now: int, bounds: Sequence[float]) -> int | None:
        """When what was seen longest ago of what is inside leaves, or the inner result moves."""
        inside = self.inner.since(state, self._edge(now))
        if inside is None:
            return None
        leaves = self.leaves(self.tile(self.inner.oldest_seen(inside)))
        moved = self.inner.turns(inside, now, bounds)
        return leaves if moved is None else min(leaves, moved)

    def is_over(self, state: Any, now: int) -> bool:
        return self.inner.since(state, self._edge(now)) is None

    def upgraded(self, state: Any, version: int) -> Any:
        if version == 1:
            # As Rolling keeps it.
            return self.inner.join_all([self.inner.upgraded(inner, version) for inner in state.values()])
        return self.inner.upgraded(state, version)

    def _edge(self, now: int) -> int:
        """The first instant of the oldest tile that counts."""
        return self.opens(self.oldest(now))


class Expiring(Aggregation):
    """Everything since the attribute was last quiet for ``ttl``, forgotten once it is quiet for that long.

    Quiet is judged by event time, so that late events give the same value as punctual ones: the state keeps
    stretches of activity ``[first, last, inner]`` in which no gap reaches ``ttl``; a late event may join two.

    Args:
        inner: what is computed of the events of a stretch.
        ttl: milliseconds.

    State: a list of stretches, oldest first; usually one, at most 8.
    """

    timed = True
    ends = True

    def __init__(self, inner: Aggregation, ttl: int) -> None:
        self.inner = inner
        self.ttl = ttl
        self.takes = inner.takes  # type: ignore[misc]
        self.longest_text = inner.longest_text  # type: ignore[misc]

    def start(self, value: Any, at: Moment) -> list[list[Any]]:
        return [[at[0], at[0], self.inner.start(value, at)]]

    def add(self, state: list[list[Any]], value: Any, at: Moment) -> list[list[Any]]:
        newest = state[-1]
        if newest[0] <= at[0] < newest[1] + self.ttl:
            newest[1] = max(newest[1], at[0])
            newest[2] = self.inner.add(newest[2], value, at)
            return state
        return self.merge(state, self.start(value, at))

    def merge(self, a: list[list[Any]], b: list[list[Any]]) -> list[list[Any]]:
        merged: list[list[Any]] = []
        for first, last, inner in sorted([*a, *b], key=lambda stretch: stretch[:2]):
            if merged and first - merged[-1][1] < self.ttl:
                previous = merged[-1]
                previous[1] = max(previous[1], last)
                previous[2] = self.inner.merge(previous[2], inner)
            else:
                merged.append([first, last, inner])
        return merged[-SEGMENTS:]

    def turns(self, state: list[list[Any]], now: int, bounds: Sequence[float]) -> int | None:
        """When it was quiet for ``ttl``, or the inner result moves."""
        _, last, inner = state[-1]
        if now >= last + self.ttl:
            return None
        moved = self.inner.turns(inner, now, bounds)
        ends: int = last + self.ttl
        return ends if moved is None else min(ends, moved)

    def is_over(self, state: list[list[Any]], now: int) -> bool:
        # A late event may lie in between, and join what has expired to what has not; several may, in a row.
        return bool(now - state[-1][1] >= SEGMENTS * self.ttl)

    def upgraded(self, state: list[list[Any]], version: int) -> list[list[Any]]:
        return [[first, last, self.inner.upgraded(inner, version)] for first, last, inner in state]

    def result(self, state: list[list[Any]], now: int) -> Any:
        _, last, inner = state[-1]
        return self.inner.result(inner, now) if now - last < self.ttl else None
