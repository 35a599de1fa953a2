"""What a preview is asked for, and what comes of it, as the API and what computes it tell each other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from snowmelt.errors import SnowmeltError


class PreviewJob(NamedTuple):
    """What is to be counted.

    Args:
        window_ms: how far back.
        groups: definitions, as JSON.
        app_ids: whose events; all if empty.
        key_ids: whose rows; a sample if empty.
        intervention: whose criteria, as JSON; without it the first group's rows are asked for.
        sources: which of the groups each attribute of the criteria means.
    """

    window_ms: int
    groups: list[dict[str, Any]]
    app_ids: Sequence[str] = ()
    key_ids: Sequence[str] = ()
    intervention: dict[str, Any] | None = None
    sources: Mapping[str, int] = MappingProxyType({})


class PreviewAnswer(NamedTuple):
    """What is answered, and from when on (ms since the epoch) events were there for it."""

    answer: Any
    since: int


class PreviewFailed(SnowmeltError):
    """A preview cannot be made; ``busy`` tells whether another try may help."""

    code = "preview_failed"

    def __init__(self, text: str, busy: bool = False) -> None:
        super().__init__(text)
        self.busy = busy


RunPreview: TypeAlias = Callable[[PreviewJob], Awaitable[PreviewAnswer]]
