"""What is kept of one event: how much, and what it looks like if it is more."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute.kept_events import LARGEST_ENTRY, KeptEvents, packed, unpacked

CUT = "\N{HORIZONTAL ELLIPSIS}"


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x" * 1_000, "x" * 1_000),
        ("é" * 1_001, "é" * 999 + CUT),
        ([1, {"a": None}], [1, {"a": None}]),
        (["x" * 995], ["x" * 995]),
        (["x" * 1_000], CUT),
        (nested(16), nested(16)),
        (nested(17), CUT),
        (2**63, float(2**63)),
        ({"a": [-(10**400)]}, {"a": [float("-inf")]}),
        (True, True),
        (None, None),
    ],
)
def test_a_value(value: Any, kept: Any) -> None:
    assert unpacked(packed(3, [value])) == (3, [kept])


def test_nesting_without_end_does_not_matter() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert unpacked(packed(0, [deep])) == (0, [CUT])


def test_of_too_many_values_the_first_stay() -> None:
    values = ["\N{EARTH GLOBE EUROPE-AFRICA}" * 1_000, "é" * 1_000, None, "x" * 1_000, "y" * 1_000, "z", "w" * 1_000]
    _, kept = unpacked(packed(0, values))
    assert kept == [*values[:4], CUT, "z", CUT]


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=2_000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(anything, max_size=50))
def test_an_entry_is_bounded_and_says_what_it_lacks(values: list[Any]) -> None:
    entry = packed(0, values)
    assert len(entry) <= LARGEST_ENTRY + 50 * len(CUT.encode()) + 50
    _, kept = unpacked(entry)
    assert [value is None for value in kept] == [value is None for value in values]


def test_the_whole_state_is_bounded() -> None:
    log = KeptEvents(most=100, age=3_600_000)
    full = packed(49, ["\N{EARTH GLOBE EUROPE-AFRICA}" * 5_000] * 50)
    kept = log.start(full, (0, 0, "i" * 10_000))
    for number in range(200):
        kept = log.add(kept, full, (number, number, "\N{EARTH GLOBE EUROPE-AFRICA}" * 10_000))
    assert len(msgspec.msgpack.encode(kept)) <= 850_000


@given(st.permutations(range(6)))
def test_events_without_ids_at_one_instant_all_count_in_any_order(order: list[int]) -> None:
    log = KeptEvents(most=4, age=1_000)
    kept = None
    for number in order:
        kept = log.update(kept, packed(0, [number // 2]), (5, 5, ""), now=5)
    assert kept is not None
    assert [unpacked(values)[1][0] for *_, values in log.result(kept, now=5)] == [1, 1, 2, 2]
