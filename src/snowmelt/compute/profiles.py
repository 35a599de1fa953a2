"""The profiles of one group that are in memory, and which of them a commit must write."""

from collections.abc import Callable
from typing import Any

from snowmelt.compute import state

MAX_KEY_BYTES = 512

Load = Callable[[str], list[Any] | None]


class Profiles(dict[str, list[Any]]):
    """Key value -> profile, loaded when first asked for.

    Two generations: when :meth:`age` is called the profiles in memory become the old ones, and those that are
    asked for again come back. That bounds memory without any bookkeeping for each use. What was old already is
    forgotten in pieces, by :meth:`shed`: to free hundreds of thousands of profiles at once takes half a second.

    Args:
        width: how many attributes the group has.
        load: gives the stored profile of a key value, or ``None`` if there is none yet.
        longest: bytes that a key value may have.
    """

    def __init__(self, width: int, load: Load = lambda key: None, longest: int = MAX_KEY_BYTES) -> None:
        super().__init__()
        self._longest = longest
        self._empty = state.empty(width)
        self.load = load
        """May be replaced: the engine gives each of its transactions a way to load of its own."""
        self._old: dict[str, list[Any]] = {}
        self._leaving: list[dict[str, list[Any]]] = []
        self.touched: list[str] = []
        """Keys of the profiles that were changed since they were stored, each once."""
        self.refused = 0
        """Updates lost to key values over ``longest`` bytes."""

    def __missing__(self, key: str) -> list[Any]:
        profile = self._old.get(key)
        if profile is None:
            # 128 characters take at most 512 bytes, so that usual keys are not encoded just to be measured.
            if len(key) > MAX_KEY_BYTES // 4 and len(key.encode()) > self._longest:
                self.refused += 1
                # Marked as changed already, so that nobody takes it for one that is to be stored.
                return [state.CHANGED, *self._empty[1:]]
            profile = self.load(key) or self._empty.copy()
        self[key] = profile
        return profile

    def age(self) -> None:
        """Make all profiles old, and let go of those that were old already. None of them may be unsaved."""
        self._leaving.append(self._old)
        self._old = dict(self)
        self.clear()

    def shed(self, count: int) -> None:
        """Free some of the profiles that were let go of, 2 µs each."""
        while self._leaving and count > 0:
            leaving = self._leaving[-1]
            freed = min(count, len(leaving))
            for _ in range(freed):
                leaving.popitem()
            count -= freed
            if not leaving:
                self._leaving.pop()


def touch(profiles: Profiles, key: str, profile: list[Any]) -> None:
    """Note that a profile was changed, as generated handlers do, so that it will be stored."""
    if profile[0]:
        profile[0] = state.CHANGED
        profiles.touched.append(key)
