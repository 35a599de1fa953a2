"""A hash by which an event that was sent again is recognised, although its id may differ."""

import hashlib
from collections.abc import Collection

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.events.canonical import Event

EXCLUDED = ("cv", "eid", "nuid", "stm")
"""The parameters that usually differ when an event is sent again."""
_SEPARATOR = "\x1f"


class Fingerprint:
    """``event_fingerprint``: a hash of the parameters as they were sent.

    Args:
        algorithm: ``MD5``, ``SHA1``, ``SHA256``, ``SHA384`` or ``SHA512``.
        excluded: parameters that do not count.
    """

    name = "event_fingerprint"

    def __init__(self, algorithm: str = "MD5", excluded: Collection[str] = EXCLUDED) -> None:
        self._algorithm, self._excluded = algorithm.lower(), frozenset(excluded)

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails."""
        counted = [
            (name, value) for name, value in raw.parameters.items() if value is not None and name not in self._excluded
        ]
        counted.sort()
        text = "".join(f"{name}{_SEPARATOR}{value}{_SEPARATOR}" for name, value in counted)
        digest = hashlib.new(self._algorithm, text.encode("utf-8", "replace"), usedforsecurity=False)
        event["event_fingerprint"] = digest.hexdigest()
