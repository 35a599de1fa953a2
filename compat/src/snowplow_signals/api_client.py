"""The error that every refused call raises, under the public SDK's path."""

from snowmelt import SignalsAPIError

__all__ = ["SignalsAPIError"]
