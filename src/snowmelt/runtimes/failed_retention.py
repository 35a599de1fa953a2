"""Drops failed events that are too old, or that there is no room for."""

from snowmelt.settings_schemas import FailedEventSettings
from snowmelt.stores.failed_events import FailedEvents

INTERVAL_MS = 60_000
DAY_MS = 86_400_000


class FailedRetention:
    """Looks once a minute, and works in pieces that take a few milliseconds.

    Args:
        failed: the failed events.
        settings: how long and how many are kept.
    """

    def __init__(self, failed: FailedEvents, settings: FailedEventSettings) -> None:
        self._failed = failed
        self._keep_ms = int(settings.retention_days * DAY_MS)
        self._max_bytes = settings.max_bytes
        self._next = 0

    def piece(self, now_ms: int) -> int:
        """Drop some, if it is time to.

        Returns:
            How many.

        Raises:
            StoreError: if they cannot be written.
        """
        if now_ms < self._next:
            return 0
        dropped = self._failed.trim(now_ms - self._keep_ms, self._max_bytes)
        if not dropped:
            self._next = now_ms + INTERVAL_MS
        return dropped
