"""Rules for durations."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from snowmelt.definitions.problems import Problem

SHORTEST: Final = timedelta(milliseconds=1)
"""The engine counts in milliseconds."""


def check_positive(member: str, duration: timedelta | None) -> Iterator[Problem]:
    """Whether a duration, if there is one, is greater than zero."""
    if duration is not None and duration < SHORTEST:
        yield Problem((member,), f"`{member}` must be greater than zero, and a millisecond at least", "too_short")
