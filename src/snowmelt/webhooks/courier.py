"""The work of the sending process: out of the outbox into the queues, and out of them to the endpoints."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from snowmelt.settings import WebhookSettings
from snowmelt.stores.errors import StoreError
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.webhook_queue import Waiting, WebhookQueue
from snowmelt.stores.webhooks import Endpoint, Webhooks
from snowmelt.webhooks.attempt import Outcome, Sender
from snowmelt.webhooks.pauses import Pauses

TOGETHER: Final = 500
LOOK_SECONDS: Final = 0.5
"""News of the outbox may be missed, and the command line tells nobody what it has changed."""
HOLD_SECONDS: Final = 10.0
COMPLAIN_SECONDS: Final = 30.0

log = structlog.get_logger("snowmelt.webhooks")


class Line:
    """What is sent to one endpoint: a few messages at once, one by one while it fails.

    Args:
        endpoint: where to.
        queue: what waits.
        sender: posts.
        pauses: after failures.
        settings: how many at once, and when to give up.
        clock: ms since the epoch.
        on_gone: is called when the endpoint wants nothing any more.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        queue: WebhookQueue,
        sender: Sender,
        pauses: Pauses,
        settings: WebhookSettings,
        clock: Callable[[], int],
        on_gone: Callable[[Endpoint], None],
    ) -> None:
        self.endpoint = endpoint
        self._queue, self._sender, self._pauses = queue, sender, pauses
        self._settings, self._clock, self._on_gone = settings, clock, on_gone
        self._wake = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._failures = 0
        self._paused_until = 0
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Something new may wait."""
        self._wake.set()

    async def close(self) -> None:
        """Stop; an attempt that is cut off is made again by the next process."""
        tasks = [self._task, *self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            pause = LOOK_SECONDS
            try:
                pause = self._start_what_is_due()
            except StoreError as error:
                log.error("webhook_queue_unreadable", endpoint=self.endpoint.name, error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    def _start_what_is_due(self) -> float:
        """Begin to send what may be sent now; seconds until there is more to begin, if nothing else happens."""
        now = self._clock()
        if now < self._paused_until:
            return (self._paused_until - now) / 1000
        most = 1 if self._failures else self._settings.at_once
        free = most - len(self._under_way)
        if free <= 0:
            return HOLD_SECONDS  # the end of an attempt wakes it
        for message in self._queue.due(self.endpoint.id, most):
            if message.number not in self._under_way and free > 0:
                self._under_way[message.number] = asyncio.create_task(self._send(message))
                free -= 1
        due = self._queue.next_due(self.endpoint.id)
        if due is None or due <= now:
            return HOLD_SECONDS
        return min((due - now) / 1000 + 0.001, HOLD_SECONDS)

    async def _send(self, message: Waiting) -> None:
        try:
            outcome = await self._sender.send(self.endpoint, message.id, message.body)
            self._judge(message, outcome)
        except StoreError as error:
            # It stays in the queue as it was, and is sent again: at least once, not exactly once.
            log.error("webhook_outcome_not_kept", endpoint=self.endpoint.name, error=str(error))
            self._pause(0.0)
        except Exception as error:
            log.error("webhook_failed_here", endpoint=self.endpoint.name, exc_info=error)
            self._pause(0.0)
        finally:
            del self._under_way[message.number]
            self._wake.set()

    def _judge(self, message: Waiting, outcome: Outcome) -> None:
        if outcome.taken:
            self._queue.done(message)
            self._failures = 0
            log.debug("webhook_delivered", endpoint=self.endpoint.name, intervention_id=message.id)
            return
        about = {"endpoint": self.endpoint.name, "intervention_id": message.id, "reason": outcome.reason}
        if outcome.gone:
            log.warning("webhook_endpoint_disabled", **about)
            self._on_gone(self.endpoint)
            return
        now, failures = self._clock(), message.attempts + 1
        oldest = now - int(self._settings.give_up_hours * 3_600_000)
        if message.started <= oldest:
            log.warning("webhook_given_up", attempts=failures, **about)
            self._queue.give_up(message, outcome.reason, oldest)
        else:
            pause = self._pauses.of_message(failures, outcome.wait)
            log.info("webhook_retried", attempts=failures, pause=round(pause, 3), **about)
            self._queue.retry(message, now + int(pause * 1000), outcome.reason)
        self._pause(outcome.wait)

    def _pause(self, asked: float) -> None:
        """Leave the endpoint alone for a while, whatever waits for it."""
        self._failures += 1
        self._paused_until = self._clock() + int(self._pauses.of_endpoint(self._failures, asked) * 1000)


class Courier:
    """Takes every delivery of the outbox to every endpoint that wants it.

    Each endpoint has a line of its own, so that one that does not answer holds no other.

    Args:
        webhooks: endpoints.
        outbox: holds what was not taken out of it yet, for a day at most.
        sender: posts.
        settings: limits.
    """

    def __init__(self, webhooks: Webhooks, outbox: Outbox, sender: Sender, settings: WebhookSettings) -> None:
        self._webhooks, self._outbox, self._sender, self._settings = webhooks, outbox, sender, settings
        self._queue = WebhookQueue(webhooks, settings.max_waiting)
        self._pauses = Pauses(settings)
        self._lines: dict[int, Line] = {}
        self._endpoints: list[Endpoint] = []
        self._version = -1
        self._news = asyncio.Event()
        self._held, self._held_at = -1, 0.0

    def look(self) -> None:
        """The outbox may have more."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._news.set())
        complained = -COMPLAIN_SECONDS
        while not stop.is_set():
            self._news.clear()
            more = False
            try:
                await self._reconcile()
                more = self._take()
                self._hold()
            except StoreError as error:
                now = asyncio.get_running_loop().time()
                if now - complained > COMPLAIN_SECONDS:
                    log.error("webhooks_wait_for_a_store", error=str(error))
                    complained = now
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._news.wait()
        await asyncio.gather(*(line.close() for line in self._lines.values()))
        self._webhooks.sync()

    async def _reconcile(self) -> None:
        """Serve the endpoints that there are now."""
        version = self._webhooks.version()
        if version == self._version:
            return
        self._endpoints = self._webhooks.endpoints()
        active = {one.id: one for one in self._endpoints if one.disabled is None}
        for number, line in list(self._lines.items()):
            if active.get(number) != line.endpoint:
                del self._lines[number]
                await line.close()
        for number, endpoint in active.items():
            if number in self._lines:
                self._lines[number].wake()
            else:
                self._lines[number] = Line(
                    endpoint,
                    self._queue,
                    self._sender,
                    self._pauses,
                    self._settings,
                    self._webhooks.clock,
                    self._gone,
                )
        self._version = version

    def _take(self) -> bool:
        """Queue what is new in the outbox; whether there may be more."""
        deliveries = self._outbox.read(self._queue.place(), TOGETHER)
        if not deliveries:
            return False
        for number in self._queue.take(deliveries, self._endpoints):
            if number in self._lines:
                self._lines[number].wake()
        return len(deliveries) == TOGETHER

    def _hold(self) -> None:
        """Let the outbox drop what is in the queues, once a power cut could not undo that."""
        now = asyncio.get_running_loop().time()
        place = self._queue.place()
        if place == self._held or (self._held >= 0 and now - self._held_at < HOLD_SECONDS):
            return
        self._webhooks.sync()
        self._outbox.hold(place)
        self._held, self._held_at = place, now

    def _gone(self, endpoint: Endpoint) -> None:
        self._webhooks.disable(endpoint.id, "answered 410: the endpoint wants nothing any more")
        # The change is this process's own, which the version does not tell.
        self._version = -1
        self._news.set()
