"""Telling the engine what has changed."""

from collections.abc import Callable
from threading import Lock

import structlog

from snowmelt.errors import SnowmeltError
from snowmelt.stores.registry import Registry

OnChange = Callable[[bytes], None]

log = structlog.get_logger("snowmelt.api")


class NotAnnounced(SnowmeltError):
    """A change is stored, but the engine could not be told."""

    code = "not_announced"


class Announcer:
    """Hands every committed state of the registry to ``on_change``, in the order of its revisions.

    Args:
        registry: where changes are committed.
        on_change: durably passes on a snapshot (``Registry.snapshot``); raises if it cannot.
    """

    def __init__(self, registry: Registry, on_change: OnChange) -> None:
        self._registry = registry
        self._on_change = on_change
        self._announced = -1
        self._lock = Lock()

    def announce(self) -> None:
        """Pass on the present definitions, unless that was done before.

        To be called after each change and before its answer, also if nothing was left to change: then an
        earlier announcement that failed is made up for.

        Raises:
            NotAnnounced: ``on_change`` failed; the change stays stored.
        """
        # One at a time: otherwise an older snapshot could overtake a newer one on its way to the log.
        with self._lock:
            revision = self._registry.revision()
            if revision == self._announced:
                return
            try:
                self._on_change(self._registry.snapshot())
            except Exception as error:
                log.error("registry_change_not_announced", revision=revision, exc_info=error)
                raise NotAnnounced(
                    "The definition is stored, but the event log could not be written, so it has no effect "
                    "yet. It takes effect once the log is writable: repeat the call, or restart the server."
                ) from error
            self._announced = revision
