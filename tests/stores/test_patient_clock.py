"""The clock by which things are kept: patient with jumps forward, and never behind for longer than it says."""

from hypothesis import given
from hypothesis import strategies as st

from snowmelt.stores.patient_clock import PatientClock

WAIT = 300_000


class Hands:
    def __init__(self) -> None:
        self.wall, self.steady = 1_700_000_000_000, 5_000
        self.clock = PatientClock(WAIT, lambda: self.wall, lambda: self.steady)

    def pass_time(self, ms: int) -> None:
        self.wall, self.steady = self.wall + ms, self.steady + ms


def test_it_is_the_machines_clock_while_nobody_sets_that() -> None:
    hands = Hands()
    for ms in (1, 1_000, 10_000_000, 0):
        hands.pass_time(ms)
        hands.wall += 500  # as corrections do
        assert hands.clock() == hands.wall


def test_a_jump_forward_counts_when_its_time_has_come() -> None:
    hands = Hands()
    before = hands.wall
    hands.wall += 3_600_000
    assert hands.clock() == before
    hands.pass_time(WAIT - 1)
    assert hands.clock() == before + WAIT - 1
    hands.pass_time(1)
    assert hands.clock() == hands.wall


def test_a_jump_back_counts_at_once_also_after_one_forward() -> None:
    hands = Hands()
    hands.wall += 3_600_000
    hands.clock()
    hands.wall -= 3_600_000
    assert hands.clock() == hands.wall
    hands.wall -= 3_600_000
    assert hands.clock() == hands.wall
    hands.pass_time(WAIT * 10)
    assert hands.clock() == hands.wall


@given(st.lists(st.tuples(st.integers(0, 2 * WAIT), st.integers(-(10**8), 10**8)), max_size=20))
def test_it_is_never_ahead_and_nothing_ages_too_fast(moves: list[tuple[int, int]]) -> None:
    hands = Hands()
    kept = hands.clock()
    for passed, jump in moves:
        hands.pass_time(passed)
        hands.wall += jump
        now = hands.clock()
        assert now <= max(hands.wall, kept + passed + 2_000)
        kept = now
