"""How often each value occurred: the most frequent, the least frequent, and the counts themselves."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

from snowmelt.compute.aggregations.base import Aggregation, Moment
from snowmelt.compute.aggregations.distinct_value import key_of, text_of_key, value_of

TRACKED = 100
"""This many values are tracked once more of them have occurred than there is room for."""

ROOM = 128
"""At most this many are kept, so that not every new value has to choose one to drop."""

Counts = dict[str, list[int]]
"""Key of a value -> how often it was seen, and the event time at which it was last seen."""


class _Frequency(Aggregation):
    """Counts the different values; which of them are dropped when there are too many is the members' choice."""

    takes = "scalar"
    timed = True
    longest_text = 1_000

    @abstractmethod
    def _tracked(self, counts: Counts, most: int = TRACKED) -> Counts:
        """Some ``most`` of more values than that."""

    def start(self, value: Any, at: Moment) -> Counts:
        return {key_of(value): [1, at[0]]}

    def add(self, state: Counts, value: Any, at: Moment) -> Counts:
        key = key_of(value)
        entry = state.get(key)
        if entry is None:
            state[key] = [1, at[0]]
            return state if len(state) <= ROOM else self._tracked(state)
        entry[0] += 1
        if at[0] > entry[1]:
            entry[1] = at[0]
        return state

    def weight(self, state: Counts) -> int:
        return 16 * len(state) + sum(map(len, state))

    def condensed(self, state: Counts, most: int) -> Counts:
        return state if len(state) <= most else self._tracked(state, most)

    def merge(self, a: Counts, b: Counts) -> Counts:
        merged = self.join_all((a, b)) or {}
        return merged if len(merged) <= ROOM else self._tracked(merged)

    def join_all(self, states: Iterable[Counts]) -> Counts | None:
        merged: Counts = {}
        for state in states:
            for key, (count, seen) in state.items():
                entry = merged.get(key)
                if entry is None:
                    merged[key] = [count, seen]
                else:
                    entry[0] += count
                    if seen > entry[1]:
                        entry[1] = seen
        return merged or None


class MostFrequent(_Frequency):
    """The value that occurred most often; of equal counts the one seen last, then the smaller key.

    Exact, and the same in every order of arrival, up to 128 different values. Beyond that the counts are
    those of Misra and Gries, "Finding repeated elements" (1982), merged as by Agarwal et al., "Mergeable
    summaries" (2012): of n events every count is at most n/101 too low and never too high, and a value with
    more than n/101 of them is never lost.

    Cost: 13 to 17 bytes and the value for each, at most 128 of them: 5 KB for texts of 20 characters. A read
    takes 20 µs for 100 values; in a period 0.1 to 0.5 µs for each value of each tile: 0.1 ms
    for 257 tiles of 3 values.

    >>> country = MostFrequent()
    >>> state = country.start("NO", (1, 1, "a"))
    >>> state = country.add(state, "SE", (2, 2, "b"))
    >>> country.result(state, now=3), country.result(country.add(state, "NO", (0, 0, "c")), now=3)
    ('SE', 'NO')
    """

    def _tracked(self, counts: Counts, most: int = TRACKED) -> Counts:
        ranked = sorted(counts, key=_often_and_lately(counts))
        spent = counts[ranked[most]][0]
        # What has no count left is still among the values seen last, and so may be all there is to tell.
        return {key: [max(counts[key][0] - spent, 0), counts[key][1]] for key in ranked[:most]}

    def result(self, state: Counts, now: int) -> Any:
        return value_of(min(state, key=_often_and_lately(state)))


class LeastFrequent(_Frequency):
    """The value that occurred least often; of equal counts the one seen last, then the smaller key.

    Of more than 100 different values it is the least frequent of 100 that are drawn by their hash. Which ones
    depends on the values alone, so the counts are exact and the order of arrival never matters.

    Cost: 13 to 17 bytes and the value for each, at most 128 of them: 5 KB for texts of 20 characters. A read
    takes 20 µs for 100 values; in a period 0.1 to 0.5 µs for each value of each tile: 0.1 ms
    for 257 tiles of 3 values.

    >>> country = LeastFrequent()
    >>> state = country.start("NO", (1, 1, "a"))
    >>> state = country.add(country.add(state, "NO", (2, 2, "b")), "SE", (0, 0, "c"))
    >>> country.result(state, now=3)
    'SE'
    """

    def _tracked(self, counts: Counts, most: int = TRACKED) -> Counts:
        drawn = sorted(counts, key=lambda key: (crc32(key.encode(errors="surrogatepass")), key))[:most]
        return {key: counts[key] for key in drawn}

    def result(self, state: Counts, now: int) -> Any:
        tracked = state if len(state) <= TRACKED else self._tracked(state)
        return value_of(min(tracked, key=lambda key: (tracked[key][0], -tracked[key][1], key)))


class CategoryCount(MostFrequent):
    """How often each value occurred, by its text form: the 100 highest counts, highest first.

    Of equal counts the one seen last comes first, then the smaller text. Values with the same text (``1`` and
    ``"1"``) are counted together. Bounds and cost are those of :class:`MostFrequent`; a read takes 60 µs.

    >>> countries = CategoryCount()
    >>> state = countries.add(countries.start("NO", (1, 1, "a")), "SE", (2, 2, "b"))
    >>> countries.result(countries.add(state, "NO", (3, 3, "c")), now=4)
    {'NO': 2, 'SE': 1}
    """

    def result(self, state: Counts, now: int) -> dict[str, int]:
        texts: Counts = self.join_all({text_of_key(key): entry} for key, entry in state.items()) or {}
        highest = sorted(texts, key=_often_and_lately(texts))[:TRACKED]
        return {text: max(texts[text][0], 1) for text in highest}


def _often_and_lately(counts: Counts) -> Callable[[str], tuple[int, int, str]]:
    """The order of values: the most frequent first, then the one seen last, then the smaller one."""
    return lambda key: (-counts[key][0], -counts[key][1], key)
