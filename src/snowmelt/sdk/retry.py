"""When to ask again, and after how long."""

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from snowmelt.sdk.errors import SignalsConfigError

TEMPORARY = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential back-off with full jitter, for requests that may be repeated.

    Only what may be repeated is asked again: GET, PUT, DELETE and reading attributes; and only when the
    connection failed before an answer, or the answer is 429, 502, 503 or 504. Any other answer is final, and
    so is a request that was sent and not answered in time.

    Args:
        retries: Attempts after the first; 0 asks once.
        first_delay: Seconds; the bound of the first pause.
        factor: By which the bound grows from pause to pause.
        longest_delay: Seconds; the bound never grows above it.
        longest_retry_after: Seconds; a server that wants a longer pause (``Retry-After``) is not asked again.

    >>> Retry(retries=5).bounds()
    [0.1, 0.2, 0.4, 0.8, 1.6]
    """

    retries: int = 3
    first_delay: float = 0.1
    factor: float = 2.0
    longest_delay: float = 5.0
    longest_retry_after: float = 30.0

    def __post_init__(self) -> None:
        if self.retries < 0 or min(self.first_delay, self.longest_delay, self.longest_retry_after) < 0:
            raise SignalsConfigError("retries and delays of Retry(...) must not be negative")
        if self.factor < 1:
            raise SignalsConfigError("the factor of Retry(...) must be at least 1")

    def bounds(self) -> list[float]:
        """The longest possible pause before each further attempt, in seconds."""
        return [min(self.longest_delay, self.first_delay * self.factor**n) for n in range(self.retries)]

    def pause(self, failed: int, *, retry_after: float | None = None, rand: random.Random) -> float | None:
        """How long to wait after attempt number ``failed``, in seconds; None to give up.

        Args:
            failed: Attempts made so far, from 1.
            retry_after: What the server asked for, in seconds.
            rand: Where the jitter comes from.
        """
        if failed > self.retries:
            return None
        if retry_after is None:
            return rand.uniform(0.0, min(self.longest_delay, self.first_delay * self.factor ** (failed - 1)))
        if retry_after > self.longest_retry_after:
            return None
        return retry_after


DEFAULT_RETRY = Retry()


def retry_after(value: str | None, now: float) -> float | None:
    """The seconds a ``Retry-After`` header asks to wait; None if it is absent or cannot be read.

    Args:
        value: A number of seconds or an HTTP date.
        now: Seconds since the epoch.

    >>> retry_after("2", now=0.0)
    2.0
    >>> retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now=45.0)
    15.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - now)
