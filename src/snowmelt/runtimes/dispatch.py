"""From the engine's committed firings to the outbox, each once."""

import time
from collections.abc import Callable

import structlog

from snowmelt.definitions.wire.delivery import TextValues
from snowmelt.stores.errors import StoreError
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import NEWS, FiringMark, Outbox
from snowmelt.stores.profiles import ProfileStore

TOGETHER = 10_000
"""Firings that one transaction of the outbox takes; an engine that has been busy may have many waiting."""

COMPLAIN_SECONDS = 30.0

logger = structlog.get_logger("snowmelt.engine")


Clock = Callable[[], int]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Dispatch:
    """Moves what has fired out of the profile store, where it was committed with what made it fire.

    The outbox is another store, so this takes two transactions. The mark that the outbox commits with the firings says
    which of them it has; whenever the process dies, the next start drops those and appends the others. The mark is on
    the disk while profiles may not be: after a power cut they are rebuilt from the log, and what fires again up to the
    marked place and instant was sent long ago.

    Args:
        store: has the firings.
        outbox: is to have them.
        mailboxes: of the processes that have subscribers.
        clock: ms since the epoch.
        text_values: how texts are sent as values of attributes.
    """

    def __init__(
        self,
        store: ProfileStore,
        outbox: Outbox,
        mailboxes: Mailboxes,
        clock: Clock = _now_ms,
        text_values: TextValues = "plain",
    ) -> None:
        self._store, self._outbox, self._mailboxes, self._clock = store, outbox, mailboxes, clock
        self.text_values: TextValues = text_values
        self._complained = -COMPLAIN_SECONDS
        self.mark = outbox.mark()
        store.drop_pending(self.mark.number)
        self._waiting = bool(store.pending(1))

    def expect(self) -> None:
        """There are firings that were just committed."""
        self._waiting = True

    def send(self) -> bool:
        """Put what waits into the outbox, and tell who has subscribers.

        Returns:
            Whether there was something. If the outbox refuses it stays where it is, and is tried again with the next
            call: neither the engine nor a firing may suffer from it.
        """
        if not self._waiting:
            return False
        position = self._store.position
        try:
            while rows := self._store.pending(TOGETHER):
                number = rows[-1][0]
                mark = self.mark._replace(number=number)
                if len(rows) < TOGETHER:
                    # Only with the last of them is everything there.
                    mark = FiringMark(number, max(position, mark.position), max(self._looked_at(), 0))
                self._outbox.append([delivery for _, delivery in rows], mark)
                self.mark = mark
                self._store.drop_pending(number)
                self._mailboxes.send_all(NEWS)
        except StoreError as error:
            if time.monotonic() - self._complained > COMPLAIN_SECONDS:
                logger.error("interventions have fired and wait for the outbox", error=str(error))
                self._complained = time.monotonic()
            return False
        self._waiting = False
        return True

    def _looked_at(self) -> int:
        """Up to when (ms since the epoch) no alarm is left."""
        now, first = self._clock(), self._store.next_alarm()
        return now if first is None else min(now, first - 1)
