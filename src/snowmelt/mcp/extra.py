"""The SDK of the protocol, an extra that may be missing."""

import importlib.util
from typing import Final

INSTALL: Final = "pip install 'snowmelt[mcp]'"


def is_installed() -> bool:
    """Whether the SDK is there; it is not loaded for that."""
    return importlib.util.find_spec("mcp") is not None
