"""Profiles that were used a moment ago, kept decoded."""

from collections.abc import Mapping
from typing import Any


class ProfileCache:
    """Two generations of profiles for each group: the young one becomes the old one when it is full.

    Twice the cost of a plain dict, and no bookkeeping for each use; a profile that is used again moves up.

    Args:
        limit: profiles in each generation, all groups together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._young: dict[int, dict[str, list[Any]]] = {}
        self._old: dict[int, dict[str, list[Any]]] = {}

    def of(self, state_id: int) -> tuple[Mapping[str, list[Any]], Mapping[str, list[Any]]]:
        """The young and the old profiles of one group."""
        return self._young.get(state_id, {}), self._old.get(state_id, {})

    def remember(self, profiles: Mapping[int, Mapping[str, list[Any]]]) -> None:
        """Keep profiles that were just committed."""
        for state_id, group in profiles.items():
            self._young.setdefault(state_id, {}).update(group)
        if sum(map(len, self._young.values())) > self._limit:
            self._old, self._young = self._young, {}

    def clear(self) -> None:
        """Forget everything: what is in memory may not be what is in the store."""
        self._young, self._old = {}, {}
