import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.sdk.errors import SignalsConfigError
from snowmelt.sdk.retry import Retry, retry_after

policies = st.builds(
    Retry,
    retries=st.integers(0, 8),
    first_delay=st.floats(0, 10),
    factor=st.floats(1, 5),
    longest_delay=st.floats(0, 20),
)


@given(policies, st.integers(0, 2**32), st.integers(1, 12))
def test_pauses_stay_within_their_bounds_and_end_with_the_attempts(policy: Retry, seed: int, failed: int) -> None:
    pause = policy.pause(failed, rand=random.Random(seed))
    if failed > policy.retries:
        assert pause is None
    else:
        assert pause is not None
        assert 0 <= pause <= policy.bounds()[failed - 1] <= policy.longest_delay


@given(policies)
def test_bounds_never_shrink(policy: Retry) -> None:
    assert policy.bounds() == sorted(policy.bounds())
    assert len(policy.bounds()) == policy.retries


def test_pauses_are_spread_over_the_whole_bound() -> None:
    policy = Retry(first_delay=1.0)
    pauses = [policy.pause(1, rand=random.Random(seed)) or 0.0 for seed in range(200)]
    assert min(pauses) < 0.1
    assert max(pauses) > 0.9


def test_the_pause_that_the_server_asks_for_is_kept_exactly() -> None:
    assert Retry().pause(1, retry_after=7.0, rand=random.Random(1)) == 7.0


def test_a_server_that_asks_for_too_long_a_pause_is_not_asked_again() -> None:
    assert Retry(longest_retry_after=10).pause(1, retry_after=10.5, rand=random.Random(1)) is None


def test_retry_after_does_not_buy_further_attempts() -> None:
    assert Retry(retries=2).pause(3, retry_after=0.0, rand=random.Random(1)) is None


@pytest.mark.parametrize("value", [None, "", "soon", "-1", "1.5", "٣"])
def test_what_cannot_be_read_asks_for_nothing(value: str | None) -> None:
    assert retry_after(value, now=0.0) is None


def test_a_date_counts_from_now_and_never_backwards() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=9), usegmt=True)
    assert retry_after(later, now=now.timestamp()) == 9.0
    assert retry_after(later, now=now.timestamp() + 60) == 0.0


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"first_delay": -0.1}, {"factor": 0.5}])
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SignalsConfigError, match="Retry"):
        Retry(**wrong)  # type: ignore[arg-type]
