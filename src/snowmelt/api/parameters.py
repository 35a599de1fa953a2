"""What paths and queries of the registry may say."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Query

T = TypeVar("T")

Version = Annotated[int, Path(ge=1, lt=2**63, description="Version of the definition.")]


class _Page:
    """A part of a list; the whole of it if nothing is asked for."""

    def __init__(
        self,
        limit: Annotated[int | None, Query(ge=1, lt=2**63, description="At most so many; all if absent.")] = None,
        offset: Annotated[int, Query(ge=0, lt=2**63, description="Without the first so many.")] = 0,
    ) -> None:
        self._part = slice(offset, None if limit is None else offset + limit)

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """The part of ``items`` that was asked for."""
        return items[self._part]


Page = Annotated[_Page, Depends()]
