"""Finds the schema of a key among several repositories."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.lru import Lru
from snowmelt.iglu.repository import Absence, Repository, Trouble
from snowmelt.iglu.schema import Schema

FRESH_SECONDS: Final = 1.0
"""How long an answer is used before the repositories are asked again. Folders look at their files then, and
registries mostly at what they remember, so that a schema that was added counts a second later."""

_WORST: tuple[Trouble, ...] = ("unreachable", "busy", "unusable", "missing")


class Resolution(NamedTuple):
    """What was found of a key.

    Args:
        schema: ``None`` if there is none.
        absences: name of each repository that was asked -> why it gave none.
    """

    schema: Schema | None
    absences: tuple[tuple[str, Absence], ...] = ()

    @property
    def trouble(self) -> Trouble:
        """Why there is no schema. Where one repository has none and another one does not answer, there may be one."""
        found = {absence.trouble for _, absence in self.absences}
        return next((word for word in _WORST if word in found), "missing")

    @property
    def unreachable_since(self) -> float | None:
        """Since when the repository does not answer that has not answered for the longest time."""
        return min((absence.since for _, absence in self.absences if absence.since is not None), default=None)


class Resolver:
    """Asks repositories in order, and remembers their answers for a second.

    Args:
        first: asked before all others, in this order.
        others: asked in the order that their places give for the vendor.
        size: schemas that are remembered at most, and as many that are missing: whoever sends events of schemas that
            nobody has does not drive out those that there are.
        clock: seconds; must not go back.
    """

    def __init__(
        self,
        first: Sequence[Repository],
        others: Iterable[Repository] = (),
        *,
        size: int = 500,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first, self._others = tuple(first), tuple(others)
        self._clock = clock
        self._found: Lru[SchemaKey, tuple[float, Resolution]] = Lru(size)
        self._absent: Lru[SchemaKey, tuple[float, Resolution]] = Lru(size)

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """All of them."""
        return self._first + self._others

    def resolve(self, key: SchemaKey) -> Resolution:
        """What the repositories say of a key.

        Cost: a dict lookup if it was asked for within the last second.
        """
        entry = self._found.get(key) or self._absent.get(key)
        now = self._clock()
        if entry is not None and now < entry[0]:
            return entry[1]
        resolution = self._ask(key)
        kept, other = (self._found, self._absent) if resolution.schema is not None else (self._absent, self._found)
        kept.set(key, (self._clock() + FRESH_SECONDS, resolution))
        other.discard(key)
        return resolution

    def look_anew(self) -> None:
        """Ask the repositories for every schema again, as if nothing were remembered."""
        for entries in (self._found, self._absent):
            entries.clear()
        for repository in self.repositories:
            repository.look_anew()

    def _ask(self, key: SchemaKey) -> Resolution:
        absences: list[tuple[str, Absence]] = []
        for repository in (*self._first, *sorted(self._others, key=lambda other: other.place.rank(key.vendor))):
            found = repository.look_up(key)
            if isinstance(found, Schema):
                return Resolution(found, tuple(absences))
            absences.append((repository.place.name, found))
        return Resolution(None, tuple(absences))
