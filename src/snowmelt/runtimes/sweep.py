"""Profiles whose every value has expired: looked for now and then, and dropped."""

from collections.abc import Sequence

from snowmelt.compute.event_log_plan import EventLogPlan
from snowmelt.compute.plan import GroupPlan
from snowmelt.compute.program import Watcher
from snowmelt.stores.profiles import ProfileStore

LOOKED_AT = 1_000
"""Profiles that one piece looks at, in a few milliseconds, so that events hardly wait for it."""


class Sweep:
    """Goes through all profiles in pieces, and begins again after a while.

    Args:
        store: of the profiles.
        interval_ms: from the beginning of one round to that of the next; 0 is never.
    """

    def __init__(self, store: ProfileStore, interval_ms: int) -> None:
        self._store, self._interval = store, interval_ms
        self._due: int | None = None
        self._waiting: list[GroupPlan | EventLogPlan | Watcher] = []
        self._place = ""

    def piece(self, plans: Sequence[GroupPlan | EventLogPlan | Watcher], now: int) -> int | None:
        """Look at some profiles, if a round is due or under way.

        Args:
            plans: all that has profiles.
            now: ms since the epoch.

        Returns:
            How many were dropped; ``None`` if there is nothing to do for now.

        Raises:
            StoreError: if the store cannot be written.
        """
        if not self._waiting:
            if not self._interval or (self._due is not None and now < self._due):
                return None
            first = self._due is None
            self._due = now + self._interval
            # Nothing has expired yet of what was in use a moment ago.
            self._waiting = [] if first else [plan for plan in plans if plan.ends]
            self._place = ""
            if not self._waiting:
                return None
        plan = self._waiting[-1]
        with self._store.commit() as commit:
            dropped, place = commit.sweep(
                plan.state_id, self._place, lambda stored: plan.is_over(stored, now), LOOKED_AT
            )
        self._place = place
        if not self._place:
            self._waiting.pop()
        return dropped
