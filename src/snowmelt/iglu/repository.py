"""What a source of schemas is, and what it can answer."""

from typing import Literal, NamedTuple, Protocol

from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.schema import Schema

Trouble = Literal["missing", "unusable", "unreachable", "busy"]
"""Why there is no schema: nobody has it; what somebody has is none; somebody who might have it does not answer; or
too many have been asked for lately."""


class Absence(NamedTuple):
    """Why a repository gives no schema.

    Args:
        trouble: in one word.
        message: in a sentence.
        attempts: how often it was asked.
        last_attempt: when it was last, ms since the epoch.
        since: since when it does not answer, by the clock that the repository goes by; for ``unreachable``.
    """

    trouble: Trouble
    message: str
    attempts: int = 1
    last_attempt: int = 0
    since: float | None = None


class Place(NamedTuple):
    """How a repository is called, and when it is asked.

    Args:
        name: for people.
        priority: of two that are equally meant, the lower one is asked first.
        vendor_prefixes: of vendors that it is meant for; it is asked about others too, but later.
    """

    name: str
    priority: int = 0
    vendor_prefixes: tuple[str, ...] = ()

    def rank(self, vendor: str) -> tuple[bool, int, str]:
        """Sorts repositories in the order in which they are asked about a vendor."""
        return not any(vendor.startswith(prefix) for prefix in self.vendor_prefixes), self.priority, self.name


class Repository(Protocol):
    """Has schemas by key."""

    @property
    def place(self) -> Place:
        """Its name, and when it is asked."""
        ...

    def look_up(self, key: SchemaKey) -> Schema | Absence:
        """The schema of a key, or why there is none; never raises, and returns within a bounded time."""
        ...

    def look_anew(self) -> None:
        """Take no schema for missing because it was before."""
        ...
