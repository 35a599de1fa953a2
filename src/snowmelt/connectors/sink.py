"""Where an output's lines go."""

from collections.abc import Callable
from typing import Protocol

from snowmelt.connectors.output_lines import Line

OpenFiles = dict[str, tuple[str, int, int]]
"""Stream -> name, size and beginning (ms since the epoch) of the file that is being written."""


class Sink(Protocol):
    """Takes lines; raises ``ConnectorError`` or ``OSError`` if it cannot, and is then made anew."""

    def write(self, good: list[Line], failed: list[Line], place: int) -> None:
        """Take lines, which need not be safe yet.

        Args:
            good: enriched events.
            failed: failed events.
            place: of the last record that they are from.
        """
        ...

    def sync(self, is_stopping: Callable[[], bool]) -> None:
        """Return when all lines are safe; raises ``ConnectorError`` if told to stop before."""
        ...

    def files(self) -> OpenFiles:
        """What must be found again after a restart, once :meth:`sync` has returned."""
        ...

    def turn(self) -> bool:
        """Finish what is to be finished at this moment; called when all that is safe was noted.

        Returns:
            Whether something has changed in :meth:`files`.
        """
        ...

    def close(self) -> None:
        """Let go of everything; what is not synced may be lost."""
        ...
