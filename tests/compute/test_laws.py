"""Every aggregation, alone and in each scope, is a commutative monoid that survives storage."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute import state
from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.aggregations.time_since import TimeSinceLast
from snowmelt.compute.kept_events import KeptEvents, packed
from snowmelt.compute.plan import AGGREGATIONS
from snowmelt.compute.scopes import TILES, Expiring, Recent, Rolling
from snowmelt.definitions import Attribute

DAY = 86_400_000
numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1000, 1000).map(lambda number: round(number, 2)),
)
scalars = st.one_of(numbers, st.booleans(), st.text(max_size=5))
entries = st.lists(st.one_of(st.none(), scalars), max_size=2).map(lambda values: packed(0, values))
times = st.one_of(st.integers(0, 20 * DAY), st.sampled_from([0, DAY]))
"""Now and then equal, so that the other parts of a moment decide."""
moments = st.tuples(times, times, st.text("abc", min_size=1, max_size=4))

MEMBERS: dict[str, Aggregation] = {
    name: kind.of(
        Attribute.model_construct(name=name, aggregation=name, time_unit="s", percentile=30.0)  # type: ignore[arg-type]
    )
    for name, kind in AGGREGATIONS.items()
}
SCOPES = {
    "lifetime": lambda inner: inner,
    "rolling": lambda inner: Rolling(inner, 7 * DAY),
    "expiring": lambda inner: Expiring(inner, DAY),
}
RECENT = {"recent": lambda inner: Recent(inner, 7 * DAY)}
CASES = [
    pytest.param(scope(member), id=f"{scope_name}-{name}")
    for name, member in MEMBERS.items()
    for scope_name, scope in (SCOPES | RECENT if member.outlasts else SCOPES).items()
]
CASES.append(pytest.param(KeptEvents(most=3, age=15 * DAY), id="kept events"))


def values_for(aggregation: Aggregation) -> st.SearchStrategy[Any]:
    return {"event": st.none(), "number": numbers, "scalar": scalars, "entry": entries}[aggregation.takes]


def grown(aggregation: Aggregation, rows: list[Any]) -> Any:
    total = None
    for value, at in rows:
        total = aggregation.start(value, at) if total is None else aggregation.add(total, value, at)
    return total


def read(aggregation: Aggregation, kept: Any, now: int) -> Any:
    return None if kept is None else aggregation.result(kept, now)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | dict):
        return repr(a) == repr(b)  # the order of members too, and 1 is not true
    return type(a) is type(b) and bool(a == b)


def rows_for(aggregation: Aggregation, least: int = 0) -> st.SearchStrategy[list[Any]]:
    # Events differ in their id, as real ones do: what makes the order of equal times total.
    rows = st.tuples(values_for(aggregation), moments)
    return st.lists(rows, min_size=least, max_size=12, unique_by=lambda row: row[1][2])


@pytest.mark.parametrize("aggregation", CASES)
@given(data=st.data())
def test_order_and_cuts_do_not_matter(aggregation: Aggregation, data: st.DataObject) -> None:
    rows = data.draw(rows_for(aggregation))
    now = data.draw(st.integers(20 * DAY, 30 * DAY))
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    expected = read(aggregation, grown(aggregation, rows), now)
    assert same(read(aggregation, grown(aggregation, shuffled), now), expected)
    joined = aggregation.join(grown(aggregation, shuffled[:cut]), grown(aggregation, shuffled[cut:]))
    assert same(read(aggregation, joined, now), expected)
    swapped = aggregation.join(grown(aggregation, shuffled[cut:]), grown(aggregation, shuffled[:cut]))
    assert same(read(aggregation, swapped, now), expected)


@pytest.mark.parametrize("aggregation", CASES)
@given(data=st.data())
def test_merging_is_associative(aggregation: Aggregation, data: st.DataObject) -> None:
    rows = data.draw(rows_for(aggregation))
    first, second = sorted(data.draw(st.tuples(st.integers(0, 12), st.integers(0, 12))))
    now = data.draw(st.integers(20 * DAY, 30 * DAY))

    def parts() -> list[Any]:
        return [grown(aggregation, part) for part in (rows[:first], rows[first:second], rows[second:])]

    join = aggregation.join
    a, b, c = parts()
    left = join(join(a, b), c)
    a, b, c = parts()
    assert same(read(aggregation, join(a, join(b, c)), now), read(aggregation, left, now))


@pytest.mark.parametrize("aggregation", CASES)
@given(data=st.data())
def test_empty_is_neutral_and_merging_keeps_its_arguments(aggregation: Aggregation, data: st.DataObject) -> None:
    rows = data.draw(rows_for(aggregation))
    kept = grown(aggregation, rows)
    assert aggregation.join(kept, None) is kept
    assert aggregation.join(None, kept) is kept
    if kept is not None:
        before, other = repr(kept), grown(aggregation, rows)
        aggregation.merge(kept, other)
        assert repr(kept) == before


@pytest.mark.parametrize("aggregation", [case for case in CASES if case.values[0].ends])  # type: ignore[attr-defined]
@given(data=st.data())
def test_what_is_over_is_never_seen_again(aggregation: Aggregation, data: st.DataObject) -> None:
    rows = data.draw(rows_for(aggregation))
    now = data.draw(st.one_of(st.integers(20 * DAY, 30 * DAY), st.integers(0, 12).map(lambda days: (20 + days) * DAY)))
    kept = grown(aggregation, rows)
    if kept is None or not aggregation.is_over(kept, now):
        return
    later = now + data.draw(st.integers(0, 10 * DAY))
    assert read(aggregation, kept, later) in (None, [])
    value, at = data.draw(values_for(aggregation)), (data.draw(st.integers(0, now)), now, "late")
    assert same(
        read(aggregation, aggregation.add(kept, value, at), later),
        read(aggregation, aggregation.start(value, at), later),
    )


@pytest.mark.parametrize("aggregation", CASES)
@given(data=st.data())
def test_a_stored_state_comes_back(aggregation: Aggregation, data: st.DataObject) -> None:
    rows = data.draw(rows_for(aggregation))
    profile = [state.VERSION, grown(aggregation, rows)]
    stored = state.encode(profile)
    now = data.draw(st.integers(20 * DAY, 30 * DAY))
    decoded = state.decode(stored, [aggregation])
    assert decoded == profile
    assert same(read(aggregation, decoded[1], now), read(aggregation, profile[1], now))


@pytest.mark.parametrize("name", [name for name, member in MEMBERS.items() if member.outlasts])
@given(data=st.data())
def test_since_a_time_a_state_says_what_the_events_from_then_on_say(name: str, data: st.DataObject) -> None:
    aggregation = MEMBERS[name]
    rows = data.draw(rows_for(aggregation, least=2))
    # The moments that something was seen at, and those beside them.
    for seen in {at[0] for _, at in rows}:
        for time in (seen - 1, seen, seen + 1):
            later = [(value, at) for value, at in rows if at[0] >= time]
            found = aggregation.since(grown(aggregation, rows), time)
            assert same(read(aggregation, found, 20 * DAY), read(aggregation, grown(aggregation, later), 20 * DAY))


@pytest.mark.parametrize("aggregation", CASES)
@given(data=st.data())
def test_inline_code_says_the_same(aggregation: Aggregation, data: st.DataObject) -> None:
    if aggregation.inline is None:
        return
    start, add = aggregation.inline
    for value, at in data.draw(rows_for(aggregation)):
        assert eval(start) == aggregation.start(value, at)
        kept = aggregation.start(value, at)
        assert eval(add, {"state": kept, "value": value}) == aggregation.add(kept, value, at)


@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 1000)), max_size=400))
def test_a_rolling_state_stays_small(steps: list[tuple[int, int]]) -> None:
    rolling = Rolling(MEMBERS["counter"], 100_000)
    kept, now = None, 0
    for time, pause in steps:
        now += pause
        kept = rolling.update(kept, None, (min(time, now), now, "e"), now)
        assert kept is None or len(kept) <= TILES + 1


@given(st.data())
def test_updating_a_rolling_state_reads_like_adding_to_it(data: st.DataObject) -> None:
    rolling = Rolling(MEMBERS["sum"], 100_000)
    kept, plain, now = None, None, 0
    for _ in range(data.draw(st.integers(0, 30))):
        now += data.draw(st.integers(0, 60_000))
        at = (data.draw(st.integers(0, now)), now, "e")
        kept = rolling.update(kept, 1, at, now)
        plain = rolling.start(1, at) if plain is None else rolling.add(plain, 1, at)
        later = now + data.draw(st.integers(0, 200_000))
        assert read(rolling, kept, later) == read(rolling, plain, later)


@pytest.mark.parametrize("aggregation", [case for case in CASES if case.id != "kept events"])
@given(data=st.data())
def test_nothing_turns_before_it_is_said_to(aggregation: Aggregation, data: st.DataObject) -> None:
    """Between a moment and the turn that is told for it no comparison with a bound comes out otherwise."""
    kept = grown(aggregation, data.draw(rows_for(aggregation, 1), label="rows"))
    now = data.draw(times, label="now")
    bounds = data.draw(st.lists(st.integers(0, 9 * DAY // 1000) | st.floats(0, 1e6), max_size=2), label="bounds")
    told = aggregation.turns(kept, now, bounds)
    assert told is None or told > now
    horizon = now + 30 * DAY if told is None else told - 1

    def seen(at: int) -> Any:
        value = read(aggregation, kept, at)
        if value is None or not isinstance(getattr(aggregation, "inner", aggregation), TimeSinceLast):
            return repr(value)
        return [(value < bound, value == bound, int(value) < bound, int(value) == bound) for bound in bounds]

    near = [now + step for step in (0, 1, 999, 1000, 1001, 60_000)]
    edges = [at + shift for at in (horizon, *drawn_edges(kept)) for shift in (-1, 0, 1)]
    for at in {*near, *edges, data.draw(st.integers(now, max(now, horizon)), label="at")}:
        if now <= at <= horizon:
            assert seen(at) == seen(now), (at, told)


def drawn_edges(kept: Any) -> list[int]:
    """Instants at which something may happen to a state, whatever it is: what looks like a time, and what follows."""
    numbers = [kept] if isinstance(kept, int) else []
    if isinstance(kept, dict):
        numbers += [tile * 7 * DAY // TILES for tile in kept if isinstance(tile, int)]
        numbers += [value for value in kept.values() if isinstance(value, int)]
    if isinstance(kept, list):
        numbers += [item for row in kept if isinstance(row, list) for item in row if isinstance(item, int)]
        numbers += [item for item in kept if isinstance(item, int)]
    return [at + span for at in numbers[:20] for span in (0, DAY, 7 * DAY, 7 * DAY + 7 * DAY // TILES)]
