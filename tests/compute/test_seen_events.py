"""Events that are sent again: recognised for a horizon, forgotten after two."""

import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute import seen_events
from snowmelt.compute.seen_events import SeenEvents, hash_of, hashes_of

HORIZON = 1_000
uuids = st.uuids().map(str)


def numbered(first: int, count: int) -> list[str]:
    return [str(uuid.UUID(int=number)) for number in range(first, first + count)]


@given(st.lists(st.one_of(uuids, st.text(max_size=40), st.text("é", min_size=36, max_size=36)), max_size=40))
def test_an_id_has_one_hash_alone_and_among_many(ids: list[str]) -> None:
    assert hashes_of(ids).tolist() == [hash_of(event_id) for event_id in ids]


@given(st.lists(uuids, unique=True, min_size=30, max_size=60))
def test_hashes_of_uuids_alone_are_those_of_each(ids: list[str]) -> None:
    numbers = hashes_of(ids).tolist()
    assert numbers == [hash_of(event_id) for event_id in ids]
    assert len(set(numbers)) == len(ids)
    assert all(0 < number < 2**64 for number in numbers)


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("8c1bd1a4-1a0c-4c5e-9ad4-0b7c5c1f2a3b", 7055001337338143816),
        ("a", 3405396810240292928),
        ("é" * 36, 12291467128330256465),
    ],
)
def test_a_hash_that_was_stored_is_the_same_in_the_next_release(event_id: str, expected: int) -> None:
    assert hash_of(event_id) == expected
    assert hashes_of([event_id] * 2).tolist() == [expected] * 2


def test_no_id_has_the_hash_that_marks_a_free_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_events, "_FACTORS", [0] * 9)
    monkeypatch.setattr(seen_events, "_FACTOR_ARRAY", np.zeros(9, np.uint64))
    (event_id,) = numbered(1, 1)
    assert hash_of(event_id) == 1
    assert hashes_of([event_id]).tolist() == [1]


def test_events_without_an_id_are_never_repeated_among_many_with_one() -> None:
    seen, ids = SeenEvents(HORIZON), numbered(0, 100)
    assert seen.repeated(["", *ids[:50]]) == []
    assert seen.repeated(["", *ids[50:]]) == []
    assert seen.repeated([*ids, "", ""]) == [*range(100)]


def test_hashes_of_like_ids_are_spread() -> None:
    ids = numbered(0, 200_000)
    numbers = hashes_of(ids)
    assert len(set(numbers.tolist())) == len(ids)
    # Of 4096 buckets none is far from its 49.
    buckets = [0] * 4096
    for number in numbers.tolist():
        buckets[number & 4095] += 1
    assert max(buckets) < 100
    assert min(buckets) > 15


batches = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 400, 999, 1_000, 1_001, 2_500]),  # ms since the batch before
        st.one_of(
            st.lists(st.sampled_from(["", None, 7, "a", "b", "c", "d"]), max_size=6),
            st.tuples(st.integers(0, 90), st.integers(1, 60)).map(lambda drawn: numbered(*drawn)),
            st.tuples(st.integers(0, 90), st.integers(1, 60)).map(lambda drawn: [*numbered(*drawn), "a"]),
        ),
    ),
    max_size=12,
)


@given(batches, st.booleans())
def test_ids_are_known_for_one_horizon_and_unknown_after_two(drawn: list[Any], restarts: bool) -> None:
    seen, now, taken_in, stored = SeenEvents(HORIZON), 5_000, dict[str, int](), dict[int, bytes]()
    for pause, ids in drawn:
        now += pause
        if restarts:
            seen = SeenEvents(HORIZON)
            for started in sorted(stored)[-2:]:
                seen.restore(started, stored[started])
        seen.turn(now)
        found = seen.repeated(ids)
        assert found == sorted(set(found))
        here = set()
        for place, event_id in enumerate(ids):
            repeated = place in found
            if not isinstance(event_id, str) or not event_id:
                assert not repeated
                continue
            age = now - taken_in[event_id] if event_id in taken_in else None
            if event_id in here or (age is not None and age < HORIZON):
                assert repeated
            elif age is None or age >= 2 * HORIZON:
                assert not repeated
            if not repeated:
                taken_in[event_id] = now
            here.add(event_id)
        stored[seen.started] = stored.get(seen.started, b"") + seen.take_fresh()
        assert seen.oldest <= seen.started


def test_what_is_remembered_is_bounded_and_the_newest_is_kept() -> None:
    seen = SeenEvents(HORIZON, most=200)
    seen.turn(0)
    for first in range(0, 1_000, 20):
        seen.turn(1)
        assert seen.repeated(numbered(first, 20)) == []
        assert len(seen) <= 200 + 20
        # At least the last half of what may be remembered is.
        last = numbered(max(first - 80, 0), min(first + 20, 100))
        assert seen.repeated(last) == [*range(len(last))]
    assert seen.shortened
    assert seen.repeated(numbered(0, 50)) == []


def test_one_id_of_the_generation_before_is_known_among_many_new_ones() -> None:
    seen, ids = SeenEvents(HORIZON), numbered(0, 100)
    assert seen.repeated(ids[:1]) == []
    assert seen.turn(HORIZON)
    assert seen.repeated(ids[::-1]) == [99]


def test_generations_have_names_that_grow_even_when_the_clock_goes_back() -> None:
    seen, names = SeenEvents(HORIZON, most=2), []
    for now in (10_000, 9_000, 8_000, 12_000):
        seen.repeated([f"{now} a", f"{now} b"])
        seen.turn(now)
        names.append(seen.started)
    assert names == sorted(set(names))


@pytest.mark.parametrize("count", [3, 100_000])
def test_a_growing_table_loses_nothing(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_events, "_SMALLEST", 16)
    seen, ids = SeenEvents(HORIZON), numbered(1, count)
    step = max(count // 37, 1)
    for first in range(0, count, step):
        assert seen.repeated(ids[first : first + step]) == []
    assert len(seen) == count
    assert seen.repeated(ids) == [*range(count)]
    assert seen.repeated(numbered(count + 1, 1_000)) == []
