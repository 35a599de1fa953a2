"""How long to wait after a failure."""

from collections.abc import Callable
from random import uniform
from typing import Final

from snowmelt.settings import WebhookSettings

GROWTH: Final = 3.0
JITTER: Final = 0.2
"""Pauses differ by a fifth, so that what failed together does not come together again."""
LONGEST_PROBE_SECONDS: Final = 60.0
LONGEST_ASKED_SECONDS: Final = 86_400.0
MOST_STEPS: Final = 40


class Pauses:
    """Pauses that grow with every failure.

    A pause outlives the process as the instant at which a message is due; so no library that waits in memory is used.

    Args:
        settings: the first pause, and the longest.
        draw: a random number between two others.
    """

    def __init__(self, settings: WebhookSettings, draw: Callable[[float, float], float] = uniform) -> None:
        self._first, self._longest = settings.first_pause_seconds, settings.longest_pause_hours * 3_600
        self._draw = draw

    def of_message(self, failures: int, asked: float = 0.0) -> float:
        """Seconds until a message is sent again.

        Args:
            failures: attempts that have failed, from 1.
            asked: seconds that the endpoint asks to wait; more than a day is not heeded.

        >>> pauses = Pauses(WebhookSettings(), lambda low, high: 1.0)
        >>> [pauses.of_message(failures) for failures in (1, 2, 3, 30)]
        [5.0, 15.0, 45.0, 10800.0]
        """
        return max(self._grown(failures, self._longest), min(asked, LONGEST_ASKED_SECONDS))

    def of_endpoint(self, failures: int, asked: float = 0.0) -> float:
        """Seconds until anything is sent to an endpoint again whose last attempts have failed, at most a minute.

        Args:
            failures: in a row, from 1.
            asked: as for a message.
        """
        return max(self._grown(failures, LONGEST_PROBE_SECONDS), min(asked, LONGEST_ASKED_SECONDS))

    def _grown(self, failures: int, longest: float) -> float:
        grown = self._first * GROWTH ** min(failures - 1, MOST_STEPS)
        return float(min(grown, longest, self._longest) * self._draw(1 - JITTER, 1 + JITTER))
