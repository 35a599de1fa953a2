"""The clients, under the public SDK's path."""

from snowmelt import Signals, SignalsSandbox

__all__ = ["Signals", "SignalsSandbox"]
