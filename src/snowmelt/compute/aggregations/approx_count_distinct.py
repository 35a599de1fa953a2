"""How many different values there were, about."""

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from typing import Any, ClassVar

from snowmelt.compute.aggregations.base import Aggregation, Moment
from snowmelt.compute.aggregations.distinct_value import key_of

_LG_K = 12
"""4,096 registers."""

Kept = dict[int, int] | bytes
"""The hashes (as keys of a map, so that one is found at once), or a serialized sketch."""


@cache
def _sketches() -> Any:
    """The library, which takes 0.1 s to load: only for those who have that many values."""
    import datasketches

    return datasketches


class ApproxCountDistinct(Aggregation):
    """The number of different values: exact up to 200, beyond that a HyperLogLog with a standard error of 1.6 %.

    The estimate follows from the set of values alone, so the order of arrival never matters: it is always
    taken from the registers, never from the estimate that a sketch keeps along with the stream.

    Flajolet et al., "HyperLogLog" (2007), as implemented by Apache DataSketches.

    Cost: 10 bytes for each value up to 200; beyond that at most 2,200 bytes. An event takes 2 µs, a read
    40 µs; in a period 3 µs for each tile that has a sketch.

    >>> pages = ApproxCountDistinct()
    >>> state = pages.start("/", (1, 1, "a"))
    >>> for page in ("/cart", "/", "/help"):
    ...     state = pages.add(state, page, (2, 2, "b"))
    >>> pages.result(state, now=3)
    3
    """

    takes = "scalar"
    exact: ClassVar[int] = 200
    """Up to this many different values are kept as hashes; their bytes are then about those of a sketch."""

    def start(self, value: Any, at: Moment) -> Kept:
        return {_hash(value): 0}

    def add(self, state: Kept, value: Any, at: Moment) -> Kept:
        if isinstance(state, dict):
            state[_hash(value)] = 0
            return state if len(state) <= self.exact else _union([state], self.exact)
        sketch = _sketches().hll_sketch.deserialize(state)
        sketch.update(_hash(value))
        return bytes(sketch.serialize_compact())

    def merge(self, a: Kept, b: Kept) -> Kept:
        return _union((a, b), self.exact)

    def join_all(self, states: Iterable[Kept]) -> Kept | None:
        parts = list(states)
        return _union(parts, self.exact) if parts else None

    def weight(self, state: Kept) -> int:
        return 10 * len(state) if isinstance(state, dict) else 0

    def condensed(self, state: Kept, most: int) -> Kept:
        return _union([state], most)

    def result(self, state: Kept, now: int) -> int:
        if isinstance(state, dict):
            return len(state)
        sketches = _sketches()
        sketch = sketches.hll_sketch.deserialize(state)
        union = sketches.hll_union(_LG_K)
        # Twice: what was merged is estimated from its registers, whatever way the sketch came about.
        union.update(sketch)
        union.update(sketch)
        return round(float(union.get_estimate()))


def _hash(value: Any) -> int:
    encoded = key_of(value).encode(errors="surrogatepass")
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "little", signed=True)


class CountDistinct(ApproxCountDistinct):
    """The number of different values: exact up to 1,000, beyond that estimated as :class:`ApproxCountDistinct` does.

    Cost: 10 bytes for each value up to 1,000; beyond that at most 2,200 bytes.

    >>> pages = CountDistinct()
    >>> pages.result(pages.add(pages.start("/", (1, 1, "a")), "/cart", (2, 2, "b")), now=3)
    2
    """

    exact = 1_000


def _union(parts: Iterable[Kept], exact: int) -> Kept:
    hashes: dict[int, int] = {}
    stored: list[bytes] = []
    for part in parts:
        if isinstance(part, dict):
            hashes.update(part)
        else:
            stored.append(part)
    if not stored and len(hashes) <= exact:
        return hashes
    sketches = _sketches()
    sketch = sketches.hll_sketch(_LG_K, sketches.tgt_hll_type.HLL_4)
    for number in hashes:
        sketch.update(number)
    if stored:
        union = sketches.hll_union(_LG_K)
        union.update(sketch)
        for part in stored:
            union.update(sketches.hll_sketch.deserialize(part))
        sketch = union.get_result(sketches.tgt_hll_type.HLL_4)
    return bytes(sketch.serialize_compact())
