"""From a stored profile to the values that are served at some moment."""

from collections.abc import Callable
from typing import Any, NamedTuple

from snowmelt.compute.casting import Cast, cast_to
from snowmelt.compute.plan import AttributePlan, plan_group
from snowmelt.definitions.attribute_group import AttributeGroup


class Column(NamedTuple):
    """How one attribute is read.

    Args:
        slot: its place in a profile.
        result: gives what its state says at a moment.
        cast: makes that its declared type.
        default: what is served where there is nothing.
    """

    slot: int
    result: Callable[[Any, int], Any]
    cast: Cast
    default: Any

    def read(self, profile: list[Any] | None, now: int) -> Any:
        """The value at a moment (ms since the epoch) out of a profile, or of none."""
        kept = None if profile is None else profile[self.slot]
        value = None if kept is None else self.result(kept, now)
        if value is not None:
            value = self.cast(value)
        return self.default if value is None else value


def column(attribute: AttributePlan) -> Column:
    """How an attribute is read."""
    source = attribute.source
    return Column(attribute.slot, attribute.keeps.result, cast_to(source.type), source.default_value)


class GroupReader:
    """Reads the profiles of one version of a group.

    Args:
        group: a published stream group.

    Raises:
        DefinitionError: if the group cannot be computed.

    >>> from snowmelt.compute import state
    >>> from snowmelt.definitions import Attribute, StreamAttributeGroup, domain_userid
    >>> reader = GroupReader(StreamAttributeGroup(name="g", attribute_key=domain_userid, owner="a@example.com",
    ...     attributes=[Attribute(name="n", type="int32", aggregation="counter", events=[])]))
    >>> reader.names, reader.read(state.encode([state.VERSION, 5]), now=0), reader.read(None, now=0)
    (('n',), [5], [None])
    """

    def __init__(self, group: AttributeGroup) -> None:
        self._plan = plan = plan_group(group)
        self.names = tuple(attribute.name for attribute in plan.attributes)
        self._columns = [column(attribute) for attribute in plan.attributes]
        self._unknown = [one.default for one in self._columns]

    def read(self, stored: bytes | None, now: int) -> list[Any]:
        """The values of all attributes, in the order of the definition, as they go out as JSON.

        Args:
            stored: the profile's bytes, or ``None`` for a key value that was never seen.
            now: ms since the epoch; windows, TTLs and ``time_since_*`` are judged by it.

        An attribute without a result (never updated, expired, an empty window, not castable) has its
        ``default_value``, or is ``None``. Cost: about 1 µs an attribute; 100 µs for a full period.
        """
        if stored is None:
            return self._unknown.copy()
        profile = self._plan.decode(stored)
        values = []
        for slot, result, cast, default in self._columns:
            kept = profile[slot]
            value = None if kept is None else result(kept, now)
            if value is not None:
                value = cast(value)
            values.append(default if value is None else value)
        return values
