"""The stored form of profiles."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute import state
from snowmelt.compute.aggregations.counter import Counter
from snowmelt.compute.scopes import Rolling

states = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(-(2**40), 2**40), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(states, max_size=5))
def test_what_is_stored_comes_back(slots: list[Any]) -> None:
    profile = [state.VERSION, *slots]
    stored = state.encode(profile)
    assert state.decode(stored) == profile == [state.VERSION, *slots]
    assert state.decode(memoryview(stored)) == profile


@pytest.mark.parametrize(
    ("large", "kept"),
    [(2**64, 2.0**64), (-(2**63) - 1, -(2.0**63)), (10**400, math.inf), (-(10**400), -math.inf)],
)
def test_integers_beyond_64_bits_become_doubles_in_memory_too(large: int, kept: float) -> None:
    profile: list[Any] = [state.VERSION, large, [large, {3: large}], 5, "x", True]
    stored = state.encode(profile)
    assert profile == state.decode(stored) == [state.VERSION, kept, [kept, {3: kept}], 5, "x", True]
    assert profile[3].__class__ is int and profile[5] is True


@given(st.lists(st.sampled_from([-(2**63), -(2**62) - 1, 2**62 + 1, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(-9, 9)))
def test_an_integer_of_64_bits_stays_whatever_stands_beside_it(slots: list[int]) -> None:
    alone, beside = [state.VERSION, *slots], [state.VERSION, *slots, 2**64]
    assert state.decode(state.encode(alone))[1:] == slots
    assert state.decode(state.encode(beside))[1:] == [*slots, 2.0**64]
    assert all(kept.__class__ is int for kept in (*alone, *beside[:-1]))


@pytest.mark.parametrize("profile", [[], [state.VERSION + 1, 1], [None], ["1"], [0, 1], [-1, 1], [True, 1], [1.0, 1]])
@pytest.mark.parametrize("keeps", [None, [Counter()]])
def test_a_profile_of_another_release_is_refused(profile: list[Any], keeps: list[Counter] | None) -> None:
    with pytest.raises(ValueError, match="newer one"):
        state.decode(msgspec.msgpack.encode(profile), keeps)


def test_the_first_version_is_upgraded_with_what_keeps_it_and_refused_without() -> None:
    stored = msgspec.msgpack.encode([1, {1: "a", 2: "b"}, None, 5])
    keeps = [Rolling(Counter(), 256), Counter(), Counter()]
    assert state.decode(stored, keeps) == [state.VERSION, {1: "a", 2: "b"}, None, 5]
    with pytest.raises(ValueError, match="newer one"):
        state.decode(stored)


@pytest.mark.parametrize("stored", [b"", b"\xc1", b"\x93\x01", msgspec.msgpack.encode({"a": 1})])
def test_what_is_no_profile_is_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match="not a stored profile"):
        state.decode(stored)
