"""What is kept of very many different values, and what is then said of them."""

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from snowmelt.compute.aggregations.approx_count_distinct import EXACT, ApproxCountDistinct
from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.aggregations.frequency import CategoryCount, LeastFrequent, MostFrequent
from snowmelt.compute.aggregations.unique_list import UniqueList

Rows = list[tuple[Any, tuple[int, int, str]]]


def grown(aggregation: Aggregation, rows: Rows) -> Any:
    state = None
    for value, at in rows:
        state = aggregation.start(value, at) if state is None else aggregation.add(state, value, at)
    return state


def stream(values: list[Any]) -> Rows:
    return [(value, (number // 2, number // 2, str(number))) for number, value in enumerate(values)]


def results(aggregation: Aggregation, rows: Rows) -> list[Any]:
    """Of several orders of arrival, cuts, and ways to merge."""
    chance = random.Random(7)
    found = []
    for _ in range(4):
        shuffled = chance.sample(rows, len(rows))
        size = chance.randrange(40, 400)
        parts = [grown(aggregation, shuffled[at : at + size]) for at in range(0, len(shuffled), size)]
        merged = None
        for part in parts:
            merged = aggregation.join(part, merged)
        states = (grown(aggregation, shuffled), merged, aggregation.join_all(parts))
        found += [aggregation.result(state, 0) for state in states]
    return found


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (UniqueList, 4_500),
        (MostFrequent, 5_000),
        (LeastFrequent, 5_000),
        (CategoryCount, 5_000),
        (ApproxCountDistinct, 2_200),
    ],
)
@pytest.mark.parametrize("count", [1_000, 5_000])
def test_a_state_stays_small(make: type[Aggregation], most: int, count: int) -> None:
    rows = [(f"{number:020}", (2**40 + number, 0, "e")) for number in range(count)]
    aggregation = make()
    half = grown(aggregation, rows[: count // 2])
    for state in (half, grown(aggregation, rows), aggregation.merge(half, grown(aggregation, rows[count // 2 :]))):
        assert len(msgspec.msgpack.encode(state)) <= most


def test_the_latest_hundred_are_listed_whatever_the_order() -> None:
    chance = random.Random(1)
    rows = stream([chance.randrange(400) for _ in range(1_500)])
    seen = {value: at[0] for value, at in rows}
    expected = sorted(seen, key=lambda value: (seen[value], str(value)))[-100:]
    assert all(result == expected for result in results(UniqueList(), rows))


def test_the_least_frequent_is_one_of_a_hundred_whatever_the_order() -> None:
    chance = random.Random(2)
    values = [chance.randrange(300) for _ in range(3_000)]
    found = results(LeastFrequent(), stream(values))
    assert len(set(found)) == 1
    assert Counter(values)[found[0]] <= 10


def test_a_frequent_value_is_found_among_very_many() -> None:
    chance = random.Random(3)
    values = ["often"] * 400 + ["too"] * 200 + [chance.randrange(10**6) for _ in range(4_000)]
    rows = stream(values)
    assert set(results(MostFrequent(), rows)) == {"often"}
    for counts in results(CategoryCount(), rows):
        assert len(counts) <= 100
        assert [*counts][:2] == ["often", "too"]
        for text, count in (("often", 400), ("too", 200)):
            assert count - len(values) / 101 <= counts[text] <= count


@pytest.mark.parametrize("make", [MostFrequent, LeastFrequent, CategoryCount])
def test_frequencies_of_a_hundred_values_are_exact(make: type[Aggregation]) -> None:
    chance = random.Random(4)
    values = [min(chance.randrange(100), chance.randrange(100)) for _ in range(3_000)]
    found = results(make(), stream(values))
    assert all(repr(result) == repr(found[0]) for result in found)
    counts = Counter(values)
    if make is CategoryCount:
        assert found[0] == {str(value): count for value, count in counts.items()}
    else:
        assert counts[found[0]] == (max if make is MostFrequent else min)(counts.values())


@pytest.mark.parametrize("count", [EXACT - 1, EXACT, EXACT + 1, 380, 400, 3_000, 20_000])
def test_the_number_of_distinct_values_is_within_its_bound(count: int) -> None:
    values = [f"/page/{number}" for number in range(count)] * (2 if count < 5_000 else 1)
    found = set(results(ApproxCountDistinct(), stream(values)))
    assert len(found) == 1
    assert abs(found.pop() - count) <= (0 if count <= EXACT else 0.05 * count)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (UniqueList, [True, "1", 1]),
        (CategoryCount, {"1": 3, "true": 1}),
        (ApproxCountDistinct, 3),
        (MostFrequent, 1),
        (LeastFrequent, "1"),
    ],
)
def test_values_of_different_kinds_are_different(make: type[Aggregation], expected: Any) -> None:
    rows = [(1.0, (1, 1, "a")), (True, (2, 2, "b")), ("1", (3, 3, "c")), (1, (4, 4, "d"))]
    assert repr(make().result(grown(make(), rows), 5)) == repr(expected)
