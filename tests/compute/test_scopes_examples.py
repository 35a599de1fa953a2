"""Periods and TTLs by hand: what is inside at which moment, and how late events find their place."""

import pytest

from snowmelt.compute.aggregations.counter import Counter
from snowmelt.compute.aggregations.frequency import CategoryCount
from snowmelt.compute.aggregations.sum import Sum
from snowmelt.compute.aggregations.unique_list import UniqueList
from snowmelt.compute.scopes import SEGMENTS, TILES, Expiring, Recent, Rolling

ROLLING = Rolling(Sum(), period=256_000)
"""A tile is a second."""
EXPIRING = Expiring(Sum(), ttl=100)


def at(time: int) -> tuple[int, int, str]:
    return time, time, "e"


def rolled(*events: tuple[int, int], now: int = 0) -> dict[int, object]:
    kept = None
    for time, value in events:
        kept = ROLLING.update(kept, value, at(time), max(now, time))
    assert kept is not None
    return kept


def test_a_period_empties_itself() -> None:
    kept = rolled((1_000, 1), (1_999, 2), (2_000, 4))
    assert ROLLING.result(kept, 2_000) == 7
    assert ROLLING.result(kept, 257_999) == 7, "the tile's end, 2000, is still inside"
    assert ROLLING.result(kept, 258_000) == 4
    assert ROLLING.result(kept, 258_999) == 4
    assert ROLLING.result(kept, 259_000) is None


def test_an_event_that_is_to_come_is_not_counted_yet() -> None:
    kept = rolled((5_000, 1), now=1_000)
    assert ROLLING.result(kept, 4_999) is None
    assert ROLLING.result(kept, 5_000) == 1


def test_a_late_event_counts_if_it_is_inside_and_is_ignored_if_not() -> None:
    kept = rolled((300_000, 1))
    assert ROLLING.update(kept, 10, at(43_999), 300_000) == kept, "its tile ended when the period began"
    kept = ROLLING.update(kept, 10, at(44_000), 300_000)
    assert kept is not None and ROLLING.result(kept, 300_000) == 11
    assert ROLLING.update(None, 10, at(0), 300_000) is None


def test_old_tiles_are_dropped_when_a_new_one_opens() -> None:
    kept = rolled(*((second * 1_000, 1) for second in range(1_000)))
    assert len(kept) == TILES + 1
    assert rolled((0, 1), (10_000_000, 1)) == {10_000: [1]}


@pytest.mark.parametrize("period", [1, 255, 256, 257, 1_000, 86_400_000, 34_560_000_000])
def test_a_period_of_any_length_holds_the_newest_and_loses_the_oldest(period: int) -> None:
    rolling, time = Rolling(Counter(), period), 1_700_000_000_123
    kept = rolling.update(None, None, at(time), time)
    assert kept is not None
    assert rolling.result(kept, time) == 1
    assert rolling.result(kept, time + period - 1) == 1
    assert rolling.result(kept, time + period + period // TILES + 1) is None


def test_what_knows_its_times_is_inside_from_the_first_instant_of_the_oldest_tile_on() -> None:
    """The edges of a period are the same with tiles and without."""
    recent = Recent(UniqueList(), period=256_000)
    assert recent.update(None, "a", at(43_999), 300_000) is None
    kept = recent.update(None, "a", at(44_000), 300_000)
    kept = recent.update(kept, "b", at(44_001), 300_000)
    assert recent.result(kept, 300_999) == ["a", "b"]
    assert recent.result(kept, 301_000) is None
    kept = recent.update(kept, "c", at(301_000), 301_000)
    assert kept == UniqueList().start("c", at(301_000))


def test_below_their_budget_tiles_keep_every_value() -> None:
    rolling, kept = Rolling(CategoryCount(), 256_000), None
    for number in range(600):
        time = number * 1_000 // 3
        kept = rolling.update(kept, f"v{number % 90}", at(time), time)
    assert kept is not None
    assert rolling.result(kept, 200_000) == {f"v{number}": 7 if number < 60 else 6 for number in range(90)}


def test_a_ttl_forgets_what_was_not_updated_and_an_update_keeps_it() -> None:
    kept = EXPIRING.start(1, at(0))
    assert EXPIRING.result(kept, 99) == 1
    assert EXPIRING.result(kept, 100) is None
    kept = EXPIRING.add(kept, 2, at(99))
    assert EXPIRING.result(kept, 198) == 3
    assert EXPIRING.result(kept, 199) is None
    kept = EXPIRING.add(kept, 4, at(199))
    assert EXPIRING.result(kept, 199) == 4, "it had been quiet for 100 ms"


def test_a_late_event_joins_two_stretches() -> None:
    kept = EXPIRING.add(EXPIRING.start(1, at(0)), 2, at(150))
    assert EXPIRING.result(kept, 150) == 2
    kept = EXPIRING.add(kept, 4, at(75))
    assert EXPIRING.result(kept, 150) == 7
    assert len(kept) == 1


def test_a_late_event_before_a_gap_is_of_no_matter() -> None:
    kept = EXPIRING.add(EXPIRING.start(1, at(1_000)), 2, at(10))
    assert EXPIRING.result(kept, 1_000) == 1


def test_only_the_newest_stretches_are_kept() -> None:
    kept = EXPIRING.start(1, at(0))
    for number in range(1, 30):
        kept = EXPIRING.add(kept, 1, at(number * 1_000))
    assert len(kept) == SEGMENTS == 8, "as the semantics say"
    assert EXPIRING.result(kept, 29_000) == 1
