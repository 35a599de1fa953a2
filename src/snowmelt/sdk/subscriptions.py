"""Subscriptions to interventions: in a thread, or in asyncio. What they do is decided in `snowmelt.sdk.following`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from queue import Empty, Queue
from threading import Event, Thread, current_thread
from types import TracebackType
from typing import Self

from snowmelt.definitions import InterventionInstance
from snowmelt.sdk.drivers import AsyncConnection, AsyncDriver, Connection, Driver
from snowmelt.sdk.following import Following, Listen, Outcome, Read, Step
from snowmelt.sdk.session import Wait

STOP_SECONDS = 5.0
ITERATION_SECONDS = 0.1

Handler = Callable[[InterventionInstance], object]

logger = logging.getLogger("snowmelt")


class InterventionsSubscription:
    """Receives interventions in a thread, from `start` or entering its context until `stop` or leaving it.

    They go to the handlers, and into a buffer for `get` and iteration. A connection that is cut is opened again by
    itself, and goes on after the last intervention that came: none is lost or repeated if the server is reached
    within its time for that, five minutes by default.

    Args:
        driver: Performs the steps.
        follow: Makes the steps.
        buffer: Whether interventions are kept until somebody gets them. Without it only handlers see them.
    """

    def __init__(self, driver: Driver, follow: Callable[[], Following], buffer: bool = True) -> None:
        self._driver, self._follow = driver, follow
        # None in it stands for the error that ended the subscription.
        self._queue: Queue[InterventionInstance | None] | None = Queue() if buffer else None
        self._handlers: dict[Handler, bool] = {}
        self._error: Exception | None = None
        self._thread: Thread | None = None
        self._stopped = Event()
        self._opened = Event()
        self._connection: Connection | None = None

    def start(self) -> None:
        """Begin to receive; returns at once.

        Raises:
            RuntimeError: It is running already.
        """
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError("the subscription is running already; stop it before it is started again")
        if self._error is not None and self._queue is not None:
            kept, self._queue = self._queue, Queue()
            while not kept.empty():
                if (one := kept.get()) is not None:
                    self._queue.put(one)
        self._error = None
        self._stopped, self._opened = Event(), Event()
        self._thread = Thread(target=self._run, name=f"SignalsInterventions-{id(self)}", daemon=True)
        self._thread.start()

    def wait_until_open(self, timeout: float | None = None) -> bool:
        """Wait until the server has taken the subscription: what is pushed from then on is received.

        Args:
            timeout: Seconds; None waits as long as it takes.

        Returns:
            Whether it has. If not, either it takes longer, or `get` tells why not.
        """
        return self._opened.wait(timeout) and self._error is None

    def get(self, block: bool = True, timeout: float | None = None) -> InterventionInstance:
        """The next intervention out of the buffer.

        Args:
            block: Whether to wait for one.
            timeout: Seconds to wait; None waits as long as it takes.

        Raises:
            queue.Empty: None came in time.
            TypeError: There is no buffer.
            SignalsAPIError: The server has refused the subscription, and none is left.
        """
        if self._queue is None:
            raise TypeError("this subscription has no buffer to get interventions from")
        one = self._queue.get(block, timeout)
        if one is None:
            self._queue.put(None)  # for whoever else asks
            assert self._error is not None
            raise self._error
        return one

    def __iter__(self) -> Iterator[InterventionInstance]:
        """What is in the buffer, until nothing has come for a tenth of a second."""
        while True:
            try:
                one = self.get(timeout=ITERATION_SECONDS)
            except Empty:
                return
            yield one

    def add_handler(self, handler: Handler, ignore_fail: bool = True) -> None:
        """Have a function called with each intervention, in the subscription's thread.

        Args:
            handler: The function.
            ignore_fail: Whether its errors are logged and no more; else the first one ends the subscription.
        """
        self._handlers.setdefault(handler, ignore_fail)

    def remove_handler(self, handler: Handler) -> bool:
        """Call a function no more.

        Returns:
            Whether it had been added.
        """
        return self._handlers.pop(handler, None) is not None

    def stop(self) -> None:
        """End the subscription; what is in the buffer stays there. It can be started again."""
        self._stopped.set()
        if self._connection is not None:
            self._connection.cut()
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        stopped, opened, flow = self._stopped, self._opened, self._follow()
        outcome: Outcome = None
        try:
            while not stopped.is_set():
                outcome = self._perform(flow.send(outcome), stopped, opened)
        except Exception as error:
            logger.error("a subscription to interventions has ended: %s", error)
            self._error = error
            if self._queue is not None:
                self._queue.put(None)
            opened.set()
        finally:
            flow.close()
            self._close()

    def _perform(self, step: Step, stopped: Event, opened: Event) -> Outcome:
        if isinstance(step, Listen):
            self._close()
            outcome, self._connection = self._driver.listen(step.send)
            if self._connection is not None:
                opened.set()
            return outcome
        if isinstance(step, Read):
            assert self._connection is not None
            # Whoever stops meanwhile cuts the connection, which ends the reading.
            return None if stopped.is_set() else self._connection.read()
        if isinstance(step, Wait):
            self._close()
            stopped.wait(step.seconds)
        else:
            self._hand_over(step)
        return None

    def _hand_over(self, intervention: InterventionInstance) -> None:
        if self._queue is not None:
            self._queue.put(intervention)
        for handler, ignore_fail in list(self._handlers.items()):
            try:
                handler(intervention)
            except Exception:
                if not ignore_fail:
                    raise
                logger.exception("a handler of interventions failed")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class AsyncInterventionsSubscription:
    """Receives interventions by ``async for``, from entering its context until leaving it.

    Nothing runs in the background: the stream is read as fast as its interventions are taken. Otherwise it is like
    `InterventionsSubscription`; giving up waiting for one (``asyncio.timeout``) loses none.

    Args:
        driver: Performs the steps.
        follow: Makes the steps.
    """

    def __init__(self, driver: AsyncDriver, follow: Callable[[], Following]) -> None:
        self._driver, self._follow = driver, follow
        self._flow: Following | None = None
        self._step: Step | None = None
        self._performing: asyncio.Task[Outcome] | None = None
        self._connection: AsyncConnection | None = None

    async def start(self) -> None:
        """Return once the server has taken the subscription: what is pushed from then on is received.

        Raises:
            RuntimeError: It is running already.
            SignalsAPIError: The server refuses it.
        """
        if self._flow is not None:
            raise RuntimeError("the subscription is running already; stop it before it is started again")
        self._flow = self._follow()
        try:
            self._step = next(self._flow)
            while not isinstance(self._step, Read):
                await self._advance(self._flow, self._step)
        except BaseException:
            await self.stop()
            raise

    async def get(self, timeout: float | None = None) -> InterventionInstance:
        """The next intervention.

        Args:
            timeout: Seconds to wait; None waits as long as it takes.

        Raises:
            TimeoutError: None came in time.
            SignalsAPIError: The server has refused to go on with the subscription.
            RuntimeError: It is not running.
        """
        async with asyncio.timeout(timeout):
            while True:
                if self._flow is None or self._step is None:
                    raise RuntimeError("the subscription is not running; use it in an `async with`")
                step = self._step
                if isinstance(step, InterventionInstance):
                    self._step = self._flow.send(None)
                    return step
                await self._advance(self._flow, step)

    async def stop(self) -> None:
        """End the subscription; it can be started again."""
        if self._performing is not None:
            self._performing.cancel()
            await asyncio.wait([self._performing])
            self._performing = None
        if self._flow is not None:
            self._flow.close()
        self._flow = self._step = None
        await self._close()

    def __aiter__(self) -> AsyncIterator[InterventionInstance]:
        return self

    async def __anext__(self) -> InterventionInstance:
        if self._flow is None:
            raise StopAsyncIteration
        return await self.get()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _advance(self, flow: Following, step: Step) -> None:
        # Whoever gives up waiting does not undo what was begun: the next one waits for it.
        if self._performing is None:
            self._performing = asyncio.create_task(self._perform(step))
        outcome = await asyncio.shield(self._performing)
        self._performing = None
        self._step = flow.send(outcome)

    async def _perform(self, step: Step) -> Outcome:
        if isinstance(step, Listen):
            await self._close()
            outcome, self._connection = await self._driver.listen(step.send)
            return outcome
        if isinstance(step, Read):
            return None if self._connection is None else await self._connection.read()
        if isinstance(step, Wait):
            await self._close()
            await asyncio.sleep(step.seconds)
        return None

    async def _close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
