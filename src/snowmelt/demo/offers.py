"""What the rules send to the shoppers, seen as their browsers would see it."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from threading import Lock
from types import TracebackType
from typing import Final, Self

from snowmelt.definitions import AttributeKeyIdentifiers, InterventionInstance
from snowmelt.demo.shoppers import Shopper
from snowmelt.sdk.client import SignalsSandbox
from snowmelt.testing import ServerError

AT_ONCE: Final = 10
"""Identifiers that a server lets one stream ask for, by default."""
MOST_FOLLOWED: Final = 100
"""Shoppers whose interventions are followed: ten of them share a thread and a connection."""

OPEN_SECONDS: Final = 10.0


class Offers:
    """Receives the interventions of the first shoppers, from entering the context to leaving it.

    Args:
        signals: a client of the server.
        shoppers: whose, as far as `MOST_FOLLOWED` of them.

    Raises:
        ServerError: on entering, if the server does not let them subscribe.
    """

    def __init__(self, signals: SignalsSandbox, shoppers: Sequence[Shopper]) -> None:
        self._signals, self._followed = signals, shoppers[:MOST_FOLLOWED]
        self._came: dict[str, Counter[str]] = {shopper.domain_userid: Counter() for shopper in self._followed}
        self._lock = Lock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self._open:
            for start in range(0, len(self._followed), AT_ONCE):
                ids = [shopper.domain_userid for shopper in self._followed[start : start + AT_ONCE]]
                subscription = self._signals.pull_interventions(AttributeKeyIdentifiers({"domain_userid": ids}))
                subscription.add_handler(self._take)
                if not self._open.enter_context(subscription).wait_until_open(OPEN_SECONDS):
                    raise ServerError("the server does not take subscriptions to the shoppers' interventions")
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def came(self, shopper: Shopper) -> Counter[str] | None:
        """How often each rule has sent something to a shopper, None if nobody looks."""
        with self._lock:
            counts = self._came.get(shopper.domain_userid)
            return None if counts is None else counts.copy()

    @property
    def followed(self) -> int:
        """How many shoppers are followed."""
        return len(self._followed)

    @property
    def total(self) -> int:
        """How much came to them all."""
        with self._lock:
            return sum(counts.total() for counts in self._came.values())

    def disagreeing(self) -> list[Shopper]:
        """The followed shoppers to whom something else came than what was due, once each."""
        return [shopper for shopper in self._followed if self.came(shopper) != Counter(shopper.due())]

    def _take(self, one: InterventionInstance) -> None:
        if one.target_attribute_key is not None:
            with self._lock:
                self._came[one.target_attribute_key.id][one.name] += 1
