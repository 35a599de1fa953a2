"""The one contract that every aggregation fulfils."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

if TYPE_CHECKING:
    from snowmelt.definitions.attribute import Attribute

State: TypeAlias = Any
"""What an aggregation remembers: numbers, text, bytes, lists and maps only, so that it can be stored as it is."""

Moment: TypeAlias = tuple[int, int, str]
"""When something happened: event time and collector time (ms since the epoch), then the event's id.

Compared as a tuple it is a total order on events, which is what makes ties independent of arrival.
"""

Takes: TypeAlias = Literal["event", "number", "instant", "scalar", "entry"]


class Aggregation(ABC):
    """A commutative monoid over events: how one attribute grows, joins another, and is read.

    The empty state is ``None``: the neutral element of :meth:`merge`, and what "never updated" looks like.
    States may be changed in place by :meth:`add`; :meth:`merge` leaves its arguments alone, because a read
    merges tiles that live on.

    Laws, checked for every member in ``tests/compute/test_laws.py``: merge is commutative and associative,
    adding is merging a singleton, order does not matter, and a stored state comes back the same.
    """

    takes: ClassVar[Takes] = "scalar"
    """What :meth:`add` is given: nothing but the event, a number, an instant in ms, any scalar, or an event's packed
    values."""

    timed: ClassVar[bool] = False
    """Whether :meth:`add` looks at the moment; if not, it may be given ``None``."""

    longest_text: ClassVar[int] = 10_000
    """Longer texts (characters) are not kept; no atomic field is longer. Less where many values are kept."""

    inline: ClassVar[tuple[str, str] | None] = None
    """:meth:`start` and :meth:`add` as Python expressions over ``state`` and ``value``, where that is worth it."""

    ends: ClassVar[bool] = False
    """Whether time alone ends what a state says, so that :meth:`is_over` may be true one day."""

    outlasts: ClassVar[bool] = False
    """Whether the state tells of all it holds when that was last seen; if so, :meth:`since` is there."""

    @classmethod
    def of(cls, attribute: "Attribute") -> Self:
        """The aggregation that an attribute asks for; members with arguments take them from it."""
        return cls()

    @abstractmethod
    def start(self, value: Any, at: Moment) -> State:
        """The state after one event."""

    @abstractmethod
    def add(self, state: State, value: Any, at: Moment) -> State:
        """The state after one more event."""

    @abstractmethod
    def merge(self, a: State, b: State) -> State:
        """The state after the events of both."""

    @abstractmethod
    def result(self, state: State, now: int) -> Any:
        """What the state says at ``now`` (ms since the epoch), or ``None`` for "no value"."""

    def since(self, state: State, time: int) -> State | None:
        """What the state holds that was last seen at ``time`` (ms since the epoch) or later, where it can tell.

        As good as the state of the events since then: whatever was seen before has no part in the result.
        """
        raise TypeError(f"{type(self).__name__} does not keep when its values were seen")

    def turns(self, state: State, now: int, bounds: Sequence[float]) -> int | None:
        """The earliest instant at which time alone may change what the state says, or ``None`` if it never does.

        Args:
            state: as it is.
            now: ms since the epoch; the instant is later.
            bounds: the numbers that the result is compared with. Of a result that moves all the time only that it
                reaches or passes one of them counts as a change.
        """
        return None

    def oldest_seen(self, state: State) -> int:
        """When what the state holds longest was last seen, ms since the epoch; there where :meth:`since` is."""
        raise TypeError(f"{type(self).__name__} does not keep when its values were seen")

    def is_over(self, state: State, now: int) -> bool:
        """Whether no read from ``now`` on (ms since the epoch) sees anything of the state, whatever comes late."""
        return False

    def weight(self, state: State) -> int:
        """About how many bytes of a state could be saved by :meth:`condensed`."""
        return 0

    def condensed(self, state: State, most: int) -> State:
        """A state of at most ``most`` values, and less exact for it; for one of many states kept side by side."""
        return state

    def upgraded(self, state: State, version: int) -> State:
        """A state that an earlier release stored, as this one keeps it; ``version`` is that of its profile."""
        return state

    def join(self, a: State | None, b: State | None) -> State | None:
        """:meth:`merge` with the empty state allowed on either side."""
        if a is None:
            return b
        if b is None:
            return a
        return self.merge(a, b)

    def join_all(self, states: Iterable[State]) -> State | None:
        """:meth:`join` of any number of states: a member may know a faster way to the same result."""
        return reduce(self.join, states, None)
