"""The profiles of one group that a batch of events touches."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from snowmelt.compute import state

MAX_KEY_BYTES = 512

NOTHING: Mapping[str, list[Any]] = MappingProxyType({})

Load = Callable[[str], list[Any] | None]


class Profiles(dict[str, list[Any]]):
    """Key value -> profile, fetched when first touched; afterwards it holds exactly what a commit must write.

    Args:
        width: how many attributes the group has.
        load: gives the stored profile of a key value, or ``None`` if there is none yet.
        young: profiles that are in memory, looked at before ``load``.
        old: more of them, looked at after ``young``.
    """

    def __init__(
        self,
        width: int,
        load: Load = lambda key: None,
        young: Mapping[str, list[Any]] = NOTHING,
        old: Mapping[str, list[Any]] = NOTHING,
    ) -> None:
        super().__init__()
        self._width = width
        self._load = load
        self._young = young
        self._old = old
        self.refused = 0
        """Updates lost to key values over 512 bytes."""

    def __missing__(self, key: str) -> list[Any]:
        profile = self._young.get(key) or self._old.get(key)
        if profile is None:
            # 128 characters take at most 512 bytes, so that usual keys are not encoded just to be measured.
            if len(key) > MAX_KEY_BYTES // 4 and len(key.encode()) > MAX_KEY_BYTES:
                self.refused += 1
                return state.empty(self._width)
            profile = self._load(key) or state.empty(self._width)
        self[key] = profile
        return profile
