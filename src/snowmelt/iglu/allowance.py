"""How much of its time the engine may spend on waiting for registries."""


class Allowance:
    """A number of seconds that is spent by waiting, and comes back slowly.

    Anybody can send events of schemas that nobody has. Each of them costs a question to every registry; with an
    allowance these cannot take more than a share of the time of all the others.

    Args:
        most: seconds that can be spent at once.
        share: seconds that come back in each second.

    >>> allowance = Allowance(1.0, 0.1)
    >>> allowance.spend(1.5, now=0.0)
    >>> allowance.left(4.0), allowance.left(6.0)
    (False, True)
    """

    def __init__(self, most: float = 5.0, share: float = 0.1) -> None:
        self._most, self._share = most, share
        self._left = most
        self._as_of: float | None = None

    def left(self, now: float) -> bool:
        """Whether there is any of it at a time, in seconds; times must not go back."""
        self._refill(now)
        return self._left > 0

    def spend(self, seconds: float, now: float) -> None:
        """Take what was waited up to a time; the last wait may take more than there is."""
        self._refill(now)
        self._left -= seconds

    def _refill(self, now: float) -> None:
        if self._as_of is not None:
            self._left = min(self._most, self._left + (now - self._as_of) * self._share)
        self._as_of = now
