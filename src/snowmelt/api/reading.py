"""What reading attributes needs from the layers below, as the shapes that the API relies on."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from snowmelt.definitions import AttributeGroup


class GroupValues(Protocol):
    """Turns the stored state of one group version into wire values."""

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes, in definition order."""

    def read(self, state: bytes | None, now_ms: int, /) -> list[Any]:
        """A JSON-ready value for each attribute; ``state`` is None if the key was never seen."""


class Profiles(Protocol):
    """Looks up stored states."""

    def get(self, items: Sequence[tuple[int, bytes]], /) -> list[bytes | None]:
        """The state of each (state id, identifier), all as of one moment."""


MakeGroupValues = Callable[[AttributeGroup], GroupValues]
NowMs = Callable[[], int]
