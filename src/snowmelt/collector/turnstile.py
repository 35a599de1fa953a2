"""Lets requests through a few at a time, so that everything else gets its turn between them."""

import asyncio
from collections import deque


class Turnstile:
    """A queue before work on the event loop.

    Hundreds of connections may have a request ready in one turn of the loop, and whoever comes then, such as a read of
    an attribute, waits until all of them were worked on. Here they wait instead. As each has one request under way, no
    more come than are let through, so the queue is no longer than the number of connections.

    Args:
        at_once: how many are let through in a turn. Those that need not wait cost about a microsecond.
        pause: seconds between two turns; 0 is a turn of the event loop.
    """

    def __init__(self, at_once: int, pause: float = 0.0) -> None:
        self._at_once, self._pause = at_once, pause
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._through = 0
        self._turning = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def enter(self) -> None:
        """Return when it is one's turn, in the order of coming."""
        loop = asyncio.get_running_loop()
        if not self._turning:
            self._turning = True
            self._schedule(loop)
        if not self._waiting and self._through < self._at_once:
            self._through += 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._pause:
            loop.call_later(self._pause, self._turn, loop)
        else:
            loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        idle = not self._through
        self._through = 0
        while self._waiting and self._through < self._at_once:
            turn = self._waiting.popleft()
            if not turn.done():  # else its request was given up
                turn.set_result(None)
                self._through += 1
        if self._through or not idle:
            self._schedule(loop)
        else:
            self._turning = False
