"""Definitions take effect at a place in the event log."""

import time

from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog, Kind


def announce(log: EventLog, bell: Bell, snapshot: bytes) -> None:
    """Put the registry's snapshot into the event log and wake the engine.

    Every event acknowledged after this returns is counted by these definitions, and a replay of the log
    changes definitions at the same event. A snapshot that is no newer than what the engine runs is ignored by
    it, so that this may be repeated.

    Raises:
        StoreError: if the log cannot be written.
    """
    log.append([(Kind.DEFINITIONS, time.time_ns() // 1_000_000, snapshot)])
    bell.ring()
