"""What an event does to the attributes of a group, and why, as data."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from snowmelt.compute.plan import AttributePlan, Property
from snowmelt.definitions.criteria import Criterion
from snowmelt.definitions.event import Event

KeyFault: TypeAlias = Literal["missing", "empty", "no scalar", "too long"]


@dataclass(frozen=True)
class Reading:
    """What an event holds of a property.

    Args:
        property: which one.
        value: as the engine reads it; ``None`` if it is missing.
        data_there: whether the event holds any self-describing data or entity of the property's schema.
        parts: of a calculated property.
    """

    property: Property
    value: Any
    data_there: bool = True
    parts: tuple["Reading", ...] = ()


@dataclass(frozen=True)
class NotAsked:
    """No entry of ``events`` matches.

    Args:
        entries: all of them.
        by_specification: whether one would have matched, were it not for the event specification.
    """

    entries: tuple[Event, ...]
    by_specification: bool


@dataclass(frozen=True)
class UnusableKey:
    """The event names no profile.

    Args:
        found: what it holds of the key's property.
        fault: what is wrong with that.
    """

    found: Reading
    fault: KeyFault


@dataclass(frozen=True)
class Unmet:
    """A criterion does not hold.

    Args:
        criterion: which one.
        found: what it was tested on.
    """

    criterion: Criterion
    found: Reading


@dataclass(frozen=True)
class CriteriaFailed:
    """The criteria do not hold.

    Args:
        all: those of ``all`` that do not hold.
        any: every one of ``any``, if none of them holds.
    """

    all: tuple[Unmet, ...]
    any: tuple[Unmet, ...]


@dataclass(frozen=True)
class NoValue:
    """The event lacks the property that is aggregated."""

    found: Reading


@dataclass(frozen=True)
class UnfitValue:
    """The value cannot serve the aggregation, and is counted as rejected.

    Args:
        found: the value.
        takes: what the aggregation takes: ``number``, ``instant`` or ``scalar``.
        longest_text: how many characters a text may have where texts are taken.
    """

    found: Reading
    takes: str
    longest_text: int


@dataclass(frozen=True)
class TooOld:
    """The event was older than the period when it arrived.

    Args:
        period: milliseconds.
    """

    period: int


@dataclass(frozen=True)
class EngineError:
    """Handling the event ends in an error, which is a mistake in Snowmelt.

    Args:
        error: its kind and text.
    """

    error: str


Reason: TypeAlias = NotAsked | UnusableKey | CriteriaFailed | NoValue | UnfitValue | TooOld | EngineError


@dataclass(frozen=True)
class Verdict:
    """What an event does to one attribute.

    Args:
        attribute: which one.
        value: what the event holds of the attribute's property; ``None`` if the aggregation looks at none.
        reason: why it is not updated; ``None`` if it is.
    """

    attribute: AttributePlan
    value: Reading | None
    reason: Reason | None

    @property
    def updated(self) -> bool:
        """Whether the event updates the attribute."""
        return self.reason is None


@dataclass(frozen=True)
class Diagnosis:
    """What an event does to a group.

    Args:
        event_id: the event's id, as far as it has one; so are the next four.
        name: of the event.
        vendor: of the event.
        version: of the event's schema.
        specification: id of the event specification that it was made for.
        key: what it holds of the group's key.
        identifier: the profile that it belongs to; ``None`` if its key is unusable.
        time: the event time that counts, in ms since the epoch.
        verdicts: one for each attribute, in the order of the definition.
    """

    event_id: Any
    name: Any
    vendor: Any
    version: Any
    specification: Any
    key: Reading
    identifier: str | None
    time: int
    verdicts: tuple[Verdict, ...]
