"""The client library for Kafka, an extra that may be missing."""

import logging
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from snowmelt.connectors.errors import ConnectorError
from snowmelt.settings_connectors import Property

if TYPE_CHECKING:
    from types import ModuleType

SILENT_SECONDS = 30.0
INSTALL: Final = "pip install 'snowmelt[kafka]'"

logger = structlog.get_logger("snowmelt.kafka")


def require(what: str) -> "ModuleType":
    """The library.

    Args:
        what: needs it, for the message.

    Raises:
        ConnectorError: it is not installed; says how it is.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise ConnectorError(f"{what} needs the package confluent-kafka ({error}): {INSTALL}") from error
    return confluent_kafka


def configuration(name: str, brokers: str, properties: dict[str, Property], **ours: Any) -> dict[str, Any]:
    """The properties of a client: those of the settings, and ours (with ``_`` for ``.``), which come last.

    Args:
        name: of the source or output, for the log.
        brokers: its brokers.
        properties: from the settings.
        ours: what does not depend on them.
    """
    return {
        # A broker that is started again should be found within seconds.
        "reconnect.backoff.max.ms": 1000,
        # The library tells of every attempt to connect; what it cannot get over comes by the callback, too.
        "log_level": 2,
        "logger": logging.getLogger("snowmelt.kafka"),
        **properties,
        "error_cb": _Complaints(name).add,
        "bootstrap.servers": brokers,
        **{name.replace("_", "."): value for name, value in ours.items()},
    }


class _Complaints:
    """Logs what the library complains of, the same at most twice a minute."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: dict[int, float] = {}

    def add(self, error: Any) -> None:
        """Called by the library, while it is used."""
        now = time.monotonic()
        if now - self._told.get(error.code(), -SILENT_SECONDS) >= SILENT_SECONDS:
            self._told[error.code()] = now
            logger.warning("Kafka cannot be used now", connection=self._name, error=error.str())
