"""``GET /api/v1/interventions``: one open stream."""

import asyncio
import random
from typing import Final

import structlog

from snowmelt.api.asgi import Receive, Send
from snowmelt.api.event_stream import HEADERS, event, greeting, heartbeat
from snowmelt.api.hub import Hub
from snowmelt.settings import InterventionSettings
from snowmelt.stores.outbox import Target

PAGE: Final = 100
"""Events that are sent at a time."""

log = structlog.get_logger("snowmelt.api")


class Stream:
    """Sends a subscriber what the outbox has for its targets, from a place on.

    While nothing is to be sent it is one waiting task and one timer. Whoever has something for it wakes it; then a
    second task writes until the outbox has no more for it. What is written goes no faster than the subscriber
    takes it.

    Args:
        hub: wakes it.
        targets: of the subscriber.
        after: the place that the subscriber has come to.
        settings: heartbeats and patience.
        send: of the request.
    """

    def __init__(
        self, hub: Hub, targets: tuple[Target, ...], after: int, settings: InterventionSettings, send: Send
    ) -> None:
        self.targets = targets
        self.began = self.after = after
        self._hub, self._send = hub, send
        self._beat_seconds, self._patience = settings.heartbeat_seconds, settings.stall_seconds
        self._greeted = self._beat = self._ending = self._ended = self._broken = False
        self._writer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def serve(self, receive: Receive) -> None:
        """Answer the request; returns when the subscriber is gone, was cut off, or the server stops."""
        self._task = asyncio.current_task()
        self._hub.add(self)
        try:
            self.wake()
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not self._broken:
                raise
            assert self._task is not None
            self._task.uncancel()
        finally:
            self._hub.remove(self)
            if self._timer is not None:
                self._timer.cancel()
            if self._writer is not None:
                self._writer.cancel()

    def wake(self) -> None:
        """Look into the outbox, unless that is being done: whoever writes looks again before it ends."""
        if self._writer is None and not self._ended:
            self._writer = asyncio.create_task(self._write())

    def end(self) -> None:
        """Send what is there, then end, so that the subscriber comes back elsewhere."""
        self._ending = True
        self.wake()

    async def _write(self) -> None:
        try:
            await self._write_all()
        except TimeoutError:
            self._hub.cut += 1
            log.warning("subscriber_cut_off", seconds=self._patience)
            self._give_up()
        except Exception as error:
            log.error("stream_failed", exc_info=error)
            self._give_up()
        finally:
            self._writer = None

    async def _write_all(self) -> None:
        if not self._greeted:
            self._greeted = True
            await self._send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
            await self._put(greeting(self.after))
        while True:
            seen = self._hub.seen
            page = self._hub.outbox.since(self.after, self.targets, PAGE)
            if page:
                # Several of its targets may be meant; it is told of the first of them.
                events = [event(one, next(t for t in one.targets if t in self.targets)) for one in page]
                await self._put(b"".join(events))
                self._hub.delivered += len(page)
                self.after = page[-1].place
            elif self._ending:
                if not self._ended:
                    self._ended = True
                    await self._put(b"", more=False)
                return
            else:
                # What was seen before this look and is not for it need not be looked at again.
                self.after = max(self.after, seen)
                if not self._beat:
                    return
                await self._put(heartbeat(self.after))

    async def _put(self, body: bytes, more: bool = True) -> None:
        self._beat = False
        async with asyncio.timeout(self._patience):
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
        if self._timer is not None:
            self._timer.cancel()
        # Streams that were opened together shall not all be due together.
        seconds = self._beat_seconds * random.uniform(0.7, 1.0)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._due)

    def _due(self) -> None:
        self._beat = True
        self.wake()

    def _give_up(self) -> None:
        self._broken = True
        assert self._task is not None
        self._task.cancel()
