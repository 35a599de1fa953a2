"""Who is subscribed in this process, and the news that wakes them."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Collection
from typing import Final, Protocol
from uuid import UUID

import structlog

from snowmelt.stores.mailbox import Mailbox, Mailboxes, Note
from snowmelt.stores.outbox import NEWS, Delivery, Outbox, Target

AT_ONCE: Final = 500
"""Deliveries that are looked at before others get their turn."""
REMEMBERED: Final = 10_000
"""Deliveries of which is known how many subscribers they had here."""
LOOK_SECONDS: Final = 1.0
"""So often the outbox is looked at without news, should any have been lost."""
ANSWER_SECONDS: Final = 1.0
"""So long other processes are waited for, to learn whether they had a subscriber."""

ASK, ANSWER = b"A", b"R"

log = structlog.get_logger("snowmelt.api")


class Subscriber(Protocol):
    """One open stream, as the hub sees it."""

    targets: tuple[Target, ...]
    began: int
    """The place in the outbox after which it began; it may have come further by itself."""

    def wake(self) -> None:
        """Have it look into the outbox."""

    def end(self) -> None:
        """Have it send what is there and end."""


class Hub:
    """Wakes the streams of this process that a delivery concerns, for one event loop.

    Every stream reads the outbox itself, from where it has come to. So the hub keeps nothing for slow ones, and a
    stream that comes back is like one that was slow.

    Args:
        outbox: where deliveries are.
        mailboxes: how processes tell each other of news.
    """

    def __init__(self, outbox: Outbox, mailboxes: Mailboxes) -> None:
        self.outbox = outbox
        self.seen = outbox.head()
        """The place up to which streams have been woken."""
        self.closed = False
        self.delivered = 0
        """Events that were handed to streams."""
        self.cut = 0
        """Streams that were cut off because they took nothing."""
        self._mailboxes = mailboxes
        self._mailbox: Mailbox | None = None
        self._streams: set[Subscriber] = set()
        self._by_target: dict[Target, set[Subscriber]] = {}
        self._recent: OrderedDict[UUID, int] = OrderedDict()
        self._asked: dict[UUID, tuple[set[int], asyncio.Future[bool]]] = {}
        self._looking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._streams)

    def open(self) -> None:
        """Begin to take news; to be called in the event loop, in each process once."""
        if self._mailbox is None:
            self._mailbox = self._mailboxes.own(os.getpid())
            asyncio.get_running_loop().add_reader(self._mailbox.fileno(), self._take_notes)
            self.look()

    def add(self, stream: Subscriber) -> None:
        """Wake a stream from now on."""
        self._streams.add(stream)
        for target in stream.targets:
            self._by_target.setdefault(target, set()).add(stream)

    def remove(self, stream: Subscriber) -> None:
        """Wake a stream no more."""
        self._streams.discard(stream)
        for target in stream.targets:
            others = self._by_target.get(target, set())
            others.discard(stream)
            if not others:
                self._by_target.pop(target, None)

    def look(self) -> None:
        """Wake the streams that something new in the outbox concerns."""
        loop = asyncio.get_running_loop()
        if self._looking is not None:
            self._looking.cancel()
        deliveries = self.outbox.read(self.seen, AT_ONCE)
        for delivery in deliveries:
            self._wake(delivery)
        if deliveries:
            self.seen = deliveries[-1].place
        if not self.closed:
            again = 0.0 if len(deliveries) == AT_ONCE else LOOK_SECONDS
            self._looking = loop.call_later(again, self._look_again)

    async def announce(self, ids: Collection[UUID], place: int) -> bool:
        """Tell every process of deliveries that were just appended.

        Args:
            ids: of the deliveries.
            place: of the last of them.

        Returns:
            Whether any of them had a subscriber in any process.
        """
        while self.seen < place:
            self.look()
        if any(self._recent.get(one) for one in ids):
            self._mailboxes.send_all(self._signed(NEWS))
            return True
        answers = [await self._ask_others(one) for one in ids]
        return any(answers)

    def close(self) -> None:
        """End every stream, and take no further news."""
        self.closed = True
        if self._mailbox is not None:
            asyncio.get_running_loop().remove_reader(self._mailbox.fileno())
            self._mailbox.close()
            self._mailbox = None
        if self._looking is not None:
            self._looking.cancel()
        for stream in list(self._streams):
            stream.end()

    def _look_again(self) -> None:
        try:
            self.look()
        except Exception as error:
            # News, or a later look, may find the outbox readable again.
            log.error("outbox_unreadable", exc_info=error)
            self._looking = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_again)

    def _wake(self, delivery: Delivery) -> None:
        concerned = {
            stream
            for target in delivery.targets
            for stream in self._by_target.get(target, ())
            if stream.began < delivery.place
        }
        self._recent[delivery.id] = len(concerned)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        for stream in concerned:
            stream.wake()

    async def _ask_others(self, about: UUID) -> bool:
        asked = set(self._mailboxes.send_all(self._signed(Note(ASK, about))))
        if not asked or self._mailbox is None:  # nobody can be asked, or nobody can answer
            return False
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked[about] = asked, answer
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            return False
        finally:
            del self._asked[about]

    def _signed(self, note: Note) -> Note:
        return note._replace(sender=0 if self._mailbox is None else self._mailbox.number)

    def _take_notes(self) -> None:
        assert self._mailbox is not None
        notes = self._mailbox.take()
        if any(note.kind in (NEWS.kind, ASK) for note in notes):
            self._look_again()
        for note in notes:
            if note.kind == ASK:
                answer = Note(ANSWER, note.about, self._mailbox.number, self._recent.get(note.about, 0))
                self._mailboxes.send(answer, note.sender)
            elif note.kind == ANSWER and note.about in self._asked:
                self._hear(note)

    def _hear(self, note: Note) -> None:
        missing, answer = self._asked[note.about]
        missing.discard(note.sender)
        if not answer.done() and (note.number or not missing):
            answer.set_result(note.number > 0)
