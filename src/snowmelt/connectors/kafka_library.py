"""The client library for Kafka, an extra that may be missing."""

import importlib.util
import logging
from typing import TYPE_CHECKING, Any, Final

from snowmelt.connector_settings import Property
from snowmelt.connectors.errors import ConnectorError

if TYPE_CHECKING:
    from types import ModuleType

INSTALL: Final = "pip install 'snowmelt[kafka]'"


def is_installed() -> bool:
    """Whether the library is there; it is not loaded for that."""
    return importlib.util.find_spec("confluent_kafka") is not None


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


def configuration(brokers: str, properties: dict[str, Property], **ours: Any) -> dict[str, Any]:
    """The properties of a client: those of the settings, and ours (with ``_`` for ``.``), which come last."""
    return {
        # A broker that is started again should be found within seconds.
        "reconnect.backoff.max.ms": 1000,
        "logger": logging.getLogger("snowmelt.kafka"),
        **properties,
        "bootstrap.servers": brokers,
        **{name.replace("_", "."): value for name, value in ours.items()},
    }
